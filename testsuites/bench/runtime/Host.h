/// One round of a benchmark: its checksum.
unsigned long long bench(void);
