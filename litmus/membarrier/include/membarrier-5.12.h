// membarrier of 5.12: as 5.4, but registration also runs the handler on its own CPU, and the scan tells kernel threads
// by their missing address space.
//
// With what membarrier-since-5.4.h lets a test drop.

#ifndef MEMBARRIER_5_12_H
#define MEMBARRIER_5_12_H

#define sync_cpus(mask, mm) on_each_cpu_mask(mask, ipi_sync_rq_state, mm, true)

#include "membarrier-since-5.4.h"

#endif
