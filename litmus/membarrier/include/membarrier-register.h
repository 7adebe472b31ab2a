// The three registrations, in terms of membarrier_register(bits, ready).

#ifndef MEMBARRIER_REGISTER_H
#define MEMBARRIER_REGISTER_H

static int membarrier_register_global_expedited(void)
{
	return membarrier_register(MEMBARRIER_STATE_GLOBAL_EXPEDITED, MEMBARRIER_STATE_GLOBAL_EXPEDITED_READY);
}

static int membarrier_register_private_expedited(void)
{
	return membarrier_register(MEMBARRIER_STATE_PRIVATE_EXPEDITED, MEMBARRIER_STATE_PRIVATE_EXPEDITED_READY);
}

static int membarrier_register_private_expedited_sync_core(void)
{
	return membarrier_register(MEMBARRIER_STATE_PRIVATE_EXPEDITED | MEMBARRIER_STATE_PRIVATE_EXPEDITED_SYNC_CORE,
				   MEMBARRIER_STATE_PRIVATE_EXPEDITED_SYNC_CORE_READY);
}

#endif
