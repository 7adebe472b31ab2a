// What all versions of membarrier share: commands, bits of the state, and the two ways to interrupt.
//
// NO_IPI_MB     the handler does nothing (the kernel's comment calls its barrier paranoid)

#ifndef MEMBARRIER_API_H
#define MEMBARRIER_API_H

#include "sched.h"

enum membarrier_cmd {
	MEMBARRIER_CMD_GLOBAL = 1,
	MEMBARRIER_CMD_GLOBAL_EXPEDITED = 2,
	MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED = 4,
	MEMBARRIER_CMD_PRIVATE_EXPEDITED = 8,
	MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED = 16,
	MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE = 32,
	MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 64,
};

// The handler of the commands.
static void ipi_mb(void *info)
{
#ifndef NO_IPI_MB
	smp_mb();
#endif
}

// With MEMBARRIER_NEVER_BLOCKS the commands are held to the manual's word that they never block.
#ifdef MEMBARRIER_NEVER_BLOCKS
#define __membarrier_command __nonblocking
#else
#define __membarrier_command
#endif

// With ALLOCATION_FAILS only the executions are looked at in which memory is short.  (For those in which it never is, the
// runtime has ASSUME_ALLOC_SUCCEEDS.)
#ifdef ALLOCATION_FAILS
#define membarrier_alloc_assumption(failed) __assume(failed)
#else
#define membarrier_alloc_assumption(failed) do { } while (0)
#endif

#endif
