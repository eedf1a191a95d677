#include "HyperModule.h"
HYPER_MODULE("power", "driver of SiFive's test device, which ends the machine with a status")
