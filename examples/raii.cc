// SPDX-License-Identifier: BSD-2-Clause
// A worker as a C++ object: it is ready when the constructor returns, and gone, with its marker, when
// the destructor has run, whichever exception was thrown meanwhile.
//
//	c++ -std=c++17 -o raii raii.cc $(pkg-config --cflags --libs ktstr ktstr-probe)
//	./raii [WORKER]
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <ktstr/ktstr.h>

namespace {

struct failure : std::runtime_error {
	explicit failure(const ktstr_error &error) : std::runtime_error(error.text) {}
};

class worker {
public:
	worker(const char *program, std::uint64_t bytes, int timeout_ms)
	{
		const std::string size = std::to_string(bytes);
		const char *const argv[] = { program, size.c_str(), nullptr };
		ktstr_payload *payload;
		ktstr_error error;

		if (ktstr_payload_spawn(argv, nullptr, &payload, &error))
			throw failure(error);
		payload_.reset(payload);
		if (ktstr_worker_ready_wait(payload, "worker", timeout_ms, &marker_.ready, &error))
			throw failure(error);
		if (marker_.ready.outcome != KTSTR_WORKER_READY)
			throw std::runtime_error(marker_.ready.text);
	}

	pid_t pid() const { return marker_.ready.worker_pid; }

private:
	struct marker {
		ktstr_worker_ready_result ready{};
		~marker() { ktstr_worker_ready_marker_remove(&ready, nullptr); }
	};
	struct close {
		void operator()(ktstr_payload *payload) const { ktstr_payload_close(payload); }
	};

	marker marker_; // before payload_: members go in reverse order, and the worker ends first
	std::unique_ptr<ktstr_payload, close> payload_;
};

// What the process has allocated and freed in all, in bytes.
std::pair<std::uint64_t, std::uint64_t> read_totals(pid_t pid)
{
	struct close {
		void operator()(ktstr_probe *probe) const { ktstr_probe_close(probe); }
		void operator()(ktstr_probe_snapshot *s) const { ktstr_probe_snapshot_free(s); }
	};
	ktstr_probe *session;
	ktstr_probe_snapshot *taken;
	ktstr_error error;

	if (ktstr_probe_new(&session, nullptr, &error))
		throw failure(error);
	const std::unique_ptr<ktstr_probe, close> probe(session);
	if (ktstr_probe_open(session, pid, &error) ||
	    ktstr_probe_snapshot_take(session, &taken, &error))
		throw failure(error);
	const std::unique_ptr<ktstr_probe_snapshot, close> snapshot(taken);
	std::pair<std::uint64_t, std::uint64_t> sum{ 0, 0 };
	for (std::size_t i = 0; i < ktstr_probe_snapshot_count(taken); i++) {
		const ktstr_probe_thread *thread = ktstr_probe_snapshot_thread(taken, i);
		if (thread->error_kind != KTSTR_PROBE_THREAD_OK)
			throw std::runtime_error(thread->error_text);
		sum.first += thread->allocated_bytes;
		sum.second += thread->deallocated_bytes;
	}
	return sum;
}

} // namespace

int main(int argc, char **argv)
try {
	const worker known(argc > 1 ? argv[1] : "ktstr-jemalloc-alloc-worker", 16777216, 10000);
	const auto [allocated, deallocated] = read_totals(known.pid());

	std::printf("process %d: %llu bytes allocated, %llu deallocated\n",
		    static_cast<int>(known.pid()), static_cast<unsigned long long>(allocated),
		    static_cast<unsigned long long>(deallocated));
	return 0;
} catch (const std::exception &error) {
	std::fprintf(stderr, "raii: %s\n", error.what());
	return 1;
}
