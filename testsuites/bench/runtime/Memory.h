/// The C library's; the guest's is in runtime.S.
void *memset(void *destination, int byte, unsigned long size);
