// membarrier of 5.4: a copy of the state in every runqueue, written by this_cpu_write(); a failed allocation is told
// to the caller; registration interrupts the *other* CPUs only.
//
// With what membarrier-since-5.4.h lets a test drop.

#ifndef MEMBARRIER_5_4_H
#define MEMBARRIER_5_4_H

#define KTHREAD_BY_FLAG
#define sync_cpus(mask, mm) \
	do { \
		preempt_disable(); \
		smp_call_function_many(mask, ipi_sync_rq_state, mm, 1); \
		preempt_enable(); \
	} while (0)

#include "membarrier-since-5.4.h"

#endif
