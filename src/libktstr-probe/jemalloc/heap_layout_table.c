/* SPDX-License-Identifier: BSD-2-Clause */
/* The layouts that were measured: read back from DWARF of builds of each tag (gcc, x86_64). */
#include "config.h"

#include "jemalloc/heap_layout.h"

const struct heap_layout heap_layout_table[] = {
	{
		.build = "5.2.1",
		.before_53 = true,
		.tsd = {
			.iarena = 432, .arena = 440, .desc_bins = 1432, .slow_arena = 1448,
			.slow_tcache = 0, .tcache = 496, .bins = 512, .bins_large = 1496, .peak = 0,
			.bins_count = 36, .allocated = 16, .large_count = 196
		},
		.arena = {
			.size = 29496, .nthreads = 0, .ind = HEAP_LAYOUT_NONE, .base = 29480,
			.name = HEAP_LAYOUT_NONE, .bins = 29192, .nactive = 10344,
			.shard_ind = HEAP_LAYOUT_NONE, .shard_base = HEAP_LAYOUT_NONE,
			.shard_stats = HEAP_LAYOUT_NONE,
			.pac_stats_pointer = HEAP_LAYOUT_NONE,
			.pac_edata_cache = HEAP_LAYOUT_NONE, .edata_cache = HEAP_LAYOUT_NONE,
			.edata_avail = 29072, .ever_used_hpa = HEAP_LAYOUT_NONE,
			.emap = HEAP_LAYOUT_NONE,
			.desc_ql = 10192,
			.ecache = {
				[HEAP_DIRTY] = { 15424, HEAP_LAYOUT_NONE, 15432, HEAP_LAYOUT_NONE },
				[HEAP_MUZZY] = { 20392, HEAP_LAYOUT_NONE, 20400, HEAP_LAYOUT_NONE },
				[HEAP_RETAINED] = { 25360, HEAP_LAYOUT_NONE, 25368, HEAP_LAYOUT_NONE },
				[HEAP_PINNED] = { HEAP_LAYOUT_NONE, HEAP_LAYOUT_NONE,
						  HEAP_LAYOUT_NONE, HEAP_LAYOUT_NONE },
			},
			.decay_dirty = 25496, .decay_muzzy = 27280, .stats = 24, .internal = 104,
			.lstats = 768, .pac_stats = HEAP_LAYOUT_NONE,
			.pa_shard_stats = HEAP_LAYOUT_NONE, .decay_stats = 48, .mapped = 24,
			.abandoned_vm = 176,
		},
		.lstats = {
			.size = 48, .nmalloc = 0, .ndalloc = 8, .active_bytes = HEAP_LAYOUT_NONE,
			.nrequests = 16, .nfills = 24, .nflushes = 32
		},
		.bin = { .size = 280, .stats = 136 },
		.base = { .ind = 0, .allocated = 2008, .resident = 2016, .mapped = 2024, .n_thp = 2032,
			  .blocks = 144, .emap_root = 0 },
	},
	{
		.build = "5.3.0",
		.tsd = {
			.iarena = -680, .arena = -672, .desc_bins = -528, .slow_arena = -520,
			.slow_tcache = -392, .tcache = 40, .bins = 48, .bins_large = 0,
			.peak = -592, .bins_count = 73, .allocated = 824, .large_count = 0
		},
		.arena = {
			.size = 78952, .nthreads = 0, .ind = 78928, .base = 78936,
			.name = HEAP_LAYOUT_NONE, .bins = 78952, .nactive = 10656,
			.shard_ind = 78888, .shard_base = 78920, .shard_stats = 78904,
			.pac_stats_pointer = 72896, .pac_edata_cache = 69064,
			.edata_cache = 78744, .edata_avail = 78760, .ever_used_hpa = 10665,
			.emap = 78912,
			.desc_ql = 10400,
			.ecache = {
				[HEAP_DIRTY] = { 20480, 30136, 30152, 30156 },
				[HEAP_MUZZY] = { 39920, 49576, 49592, 49596 },
				[HEAP_RETAINED] = { 59360, 69016, 69032, 69036 },
				[HEAP_PINNED] = { HEAP_LAYOUT_NONE, HEAP_LAYOUT_NONE,
						  HEAP_LAYOUT_NONE, HEAP_LAYOUT_NONE },
			},
			.decay_dirty = 69440, .decay_muzzy = 71224, .stats = 24, .internal = 56,
			.lstats = 976, .pac_stats = 120, .pa_shard_stats = 112,
			.decay_stats = 120, .mapped = 176, .abandoned_vm = 184,
		},
		.lstats = {
			.size = 48, .nmalloc = 0, .ndalloc = 8, .active_bytes = HEAP_LAYOUT_NONE,
			.nrequests = 16, .nfills = 24, .nflushes = 32
		},
		.bin = { .size = 224, .stats = 112 },
		.base = { .ind = 0, .allocated = 3880, .resident = 3888, .mapped = 3896, .n_thp = 3904,
			  .blocks = 160, .emap_root = 120 },
	},
	{
		.build = "5.3.0 with --enable-debug",
		.tsd = {
			.iarena = -680, .arena = -672, .desc_bins = -528, .slow_arena = -520,
			.slow_tcache = -392, .tcache = 40, .bins = 48, .bins_large = 0,
			.peak = -592, .bins_count = 73, .allocated = 824, .large_count = 0
		},
		.arena = {
			.size = 80080, .nthreads = 0, .ind = 80048, .base = 80056,
			.name = HEAP_LAYOUT_NONE, .bins = 80080, .nactive = 11000,
			.shard_ind = 80008, .shard_base = 80040, .shard_stats = 80024,
			.pac_stats_pointer = 73792, .pac_edata_cache = 69624,
			.edata_cache = 79792, .edata_avail = 79808, .ever_used_hpa = 11009,
			.emap = 80032,
			.desc_ql = 10600,
			.ecache = {
				[HEAP_DIRTY] = { 20896, 30552, 30568, 30572 },
				[HEAP_MUZZY] = { 40408, 50064, 50080, 50084 },
				[HEAP_RETAINED] = { 59920, 69576, 69592, 69596 },
				[HEAP_PINNED] = { HEAP_LAYOUT_NONE, HEAP_LAYOUT_NONE,
						  HEAP_LAYOUT_NONE, HEAP_LAYOUT_NONE },
			},
			.decay_dirty = 70216, .decay_muzzy = 72096, .stats = 24, .internal = 56,
			.lstats = 1168, .pac_stats = 120, .pa_shard_stats = 112,
			.decay_stats = 120, .mapped = 176, .abandoned_vm = 184,
		},
		.lstats = {
			.size = 48, .nmalloc = 0, .ndalloc = 8, .active_bytes = HEAP_LAYOUT_NONE,
			.nrequests = 16, .nfills = 24, .nflushes = 32
		},
		.bin = { .size = 296, .stats = 184 },
		.base = { .ind = 0, .allocated = 3952, .resident = 3960, .mapped = 3968, .n_thp = 3976,
			  .blocks = 232, .emap_root = 192 },
	},
	{
		.build = "5.3.1",
		.tsd = {
			.iarena = -728, .arena = -720, .desc_bins = -592, .slow_arena = -584,
			.slow_tcache = -392, .tcache = 40, .bins = 48, .bins_large = 0,
			.peak = -640, .bins_count = 41, .allocated = 928, .large_count = 0
		},
		.arena = {
			.size = 80704, .nthreads = 0, .ind = 80640, .base = 80648, .name = 80664,
			.bins = 80704, .nactive = 12296, .shard_ind = 80592, .shard_base = 80624,
			.shard_stats = 80608, .pac_stats_pointer = 74520,
			.pac_edata_cache = 70688, .edata_cache = 80448, .edata_avail = 80464,
			.ever_used_hpa = 12305, .emap = 80616,
			.desc_ql = 11984,
			.ecache = {
				[HEAP_DIRTY] = { 22104, 31760, 31776, 31780 },
				[HEAP_MUZZY] = { 41544, 51200, 51216, 51220 },
				[HEAP_RETAINED] = { 60984, 70640, 70656, 70660 },
				[HEAP_PINNED] = { HEAP_LAYOUT_NONE, HEAP_LAYOUT_NONE,
						  HEAP_LAYOUT_NONE, HEAP_LAYOUT_NONE },
			},
			.decay_dirty = 71064, .decay_muzzy = 72848, .stats = 24, .internal = 72,
			.lstats = 992, .pac_stats = 136, .pa_shard_stats = 128,
			.decay_stats = 136, .mapped = 192, .abandoned_vm = 200,
		},
		.lstats = {
			.size = 56, .nmalloc = 0, .ndalloc = 8, .active_bytes = 16, .nrequests = 24,
			.nfills = 32, .nflushes = 40
		},
		.bin = { .size = 224, .stats = 112 },
		.base = { .ind = 0, .allocated = 3896, .resident = 3920, .mapped = 3928, .n_thp = 3936,
			  .blocks = 160, .emap_root = 120 },
	},
	{
		.build = "dev of 2026-05-18",
		.tsd = {
			.iarena = -688, .arena = -680, .desc_bins = -592, .slow_arena = -584,
			.slow_tcache = -392, .tcache = 40, .bins = 48, .bins_large = 0,
			.peak = -624, .bins_count = 41, .allocated = 888, .large_count = 0
		},
		.arena = {
			.size = 100672, .nthreads = 0, .ind = 100608, .base = 100616,
			.name = 100632, .bins = 100672, .nactive = 12360, .shard_ind = 100560,
			.shard_base = 100592, .shard_stats = 100576, .pac_stats_pointer = 93992,
			.pac_edata_cache = 90160, .edata_cache = 100416, .edata_avail = 100432,
			.ever_used_hpa = 12369, .emap = 100584,
			.desc_ql = 12048,
			.ecache = {
				[HEAP_DIRTY] = { 22136, 31792, 31808, 31812 },
				[HEAP_MUZZY] = { 41576, 51232, 51248, 51252 },
				[HEAP_RETAINED] = { 61016, 70672, 70688, 70692 },
			[HEAP_PINNED] = { 80456, 90112, 90128, 90132 },
			},
			.decay_dirty = 90536, .decay_muzzy = 92320, .stats = 24, .internal = 72,
			.lstats = 1064, .pac_stats = 136, .pa_shard_stats = 128,
			.decay_stats = 136, .mapped = 200, .abandoned_vm = 208,
		},
		.lstats = {
			.size = 56, .nmalloc = 0, .ndalloc = 8, .active_bytes = 16, .nrequests = 24,
			.nfills = 32, .nflushes = 40
		},
		.bin = { .size = 224, .stats = 112 },
		.base = { .ind = 0, .allocated = 3896, .resident = 3920, .mapped = 3928, .n_thp = 3936,
			  .blocks = 160, .emap_root = 120 },
	},
};
const size_t heap_layout_rows = sizeof heap_layout_table / sizeof *heap_layout_table;
