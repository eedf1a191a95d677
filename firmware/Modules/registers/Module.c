#include "HyperModule.h"
HYPER_MODULE("registers", "emulator of a bank of registers (syscon)")
