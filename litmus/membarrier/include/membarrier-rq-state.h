// Since the v2 posting: every runqueue has a copy of its address space's state.  Shared by v2, 5.4 and 5.12, which
// differ in how the copy of the own CPU is written (set_rq_state) and how registration interrupts (sync_cpus).
//
//   NO_SYNC_IPI_MB     the handler that updates the copy has no barrier
//   NO_EXEC_MB         exec does not order user accesses before the state is cleared

#ifndef MEMBARRIER_RQ_STATE_H
#define MEMBARRIER_RQ_STATE_H

#include "membarrier-api.h"

// Runs on a CPU that was seen with `info` as its address space.
static void ipi_sync_rq_state(void *info)
{
	struct mm_struct *mm = info;

	if (current->mm != mm)
		return;
	set_rq_state(atomic_read(&mm->membarrier_state));
#ifndef NO_SYNC_IPI_MB
	smp_mb();
#endif
}

// Called by exec with the new address space, which is not registered.
static void membarrier_exec_mmap(struct mm_struct *mm)
{
#ifndef NO_EXEC_MB
	smp_mb();
#endif
	atomic_set(&mm->membarrier_state, 0);
	set_rq_state(0);
}

#endif
