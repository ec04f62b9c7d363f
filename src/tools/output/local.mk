# What the programs print with.
tools_output_sources = \
	src/tools/output/escape.c src/tools/output/escape.h \
	src/tools/output/json.c src/tools/output/json.h \
	src/tools/output/message.c src/tools/output/message.h \
	src/tools/output/steady_output.c src/tools/output/steady_output.h \
	src/tools/output/units.c src/tools/output/units.h
