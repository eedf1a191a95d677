#include "HyperModule.h"
HYPER_MODULE("gpio", "driver of Arm's PL061, and a command for its eight pins")
