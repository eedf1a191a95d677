// What module power exports.
#ifndef POWER_H
#define POWER_H
#include <stdbool.h>
#include <stdint.h>
bool power_off(uint32_t status);
#endif
