#include <capstone.h>
