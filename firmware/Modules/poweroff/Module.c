#include "HyperModule.h"
HYPER_MODULE("poweroff", "command that ends the machine with a status, through module power")
