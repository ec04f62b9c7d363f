# Man pages, one per program and one per public header.
