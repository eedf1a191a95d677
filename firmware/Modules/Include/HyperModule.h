// What Hyper and its loadable modules know of each other: all functions and structures between them.
//
// A module is an object file that defines `hyper_module`. Its undefined symbols are looked for in the table at the end of
// this file, and among what modules that are loaded already export: their global symbols. A module runs with all that Hyper
// may do, so only load what you would have linked.
#ifndef HYPER_MODULE_H
#define HYPER_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#if __STDC_HOSTED__
#include <stdlib.h>
#include <string.h>
#else
int posix_memalign(void **result, size_t alignment, size_t size);
void free(void *address);
void *memcpy(void *target, const void *source, size_t count);
void *memmove(void *target, const void *source, size_t count);
void *memset(void *target, int value, size_t count);
int memcmp(const void *left, const void *right, size_t count);
#endif

/// A hash of this file, which the build computes. Modules are loaded by a Hyper whose interface was the same.
#ifndef HYPER_INTERFACE
#define HYPER_INTERFACE 0
#endif
static inline uint64_t hyper_interface(void) { return HYPER_INTERFACE; }

/// Bytes that stay the caller's.
struct hyper_text {
    const uint8_t *bytes;
    size_t count;
};

/// Takes the reason of a failure: whoever is given one and fails sets it, or passes it on to whom it calls.
struct hyper_error;
/// Sets the reason; false, to be returned.
bool hyper_fail(struct hyper_error *error, struct hyper_text reason);

// MARK: The module

struct hyper_module {
    uint64_t interface;
    struct hyper_text name, summary;
    /// Adds what the module has to Hyper. If it fails, the module is unloaded.
    bool (*start)(struct hyper_error *error);
    /// The last function that is called, when all that the module has added is gone.
    void (*stop)(void);
};
/// Each module has one.
extern const struct hyper_module hyper_module;

/// Defines it, for the functions module_start and module_stop.
#define HYPER_MODULE(NAME, SUMMARY)                                                                                 \
    bool module_start(struct hyper_error *error);                                                                   \
    void module_stop(void);                                                                                         \
    const struct hyper_module hyper_module = {                                                                      \
        HYPER_INTERFACE,                                                                                            \
        {(const uint8_t *)NAME, sizeof NAME - 1},                                                                   \
        {(const uint8_t *)SUMMARY, sizeof SUMMARY - 1},                                                             \
        module_start,                                                                                               \
        module_stop,                                                                                                \
    };

/// Prints on Hyper's console.
void hyper_print(struct hyper_text text);
/// Nanoseconds since power-on.
uint64_t hyper_time(void);

// MARK: Drivers of the host's devices

/// A node of a device tree.
struct hyper_node;
/// The number in a property of one or two cells; false where there is none.
bool hyper_node_number(const struct hyper_node *node, struct hyper_text property, uint64_t *value);
/// The range of that place among the node's registers, as the CPU sees it.
bool hyper_node_registers(
    const struct hyper_node *node, size_t index, uint64_t *base, uint64_t *size, struct hyper_error *error);
/// The interrupt of that place among the node's: its number at the host's controller.
bool hyper_node_interrupt(const struct hyper_node *node, size_t index, uint32_t *number, struct hyper_error *error);

/// A register of 1, 2, 4 or 8 bytes.
uint64_t hyper_read_device(uint64_t address, int32_t width);
void hyper_write_device(uint64_t address, int32_t width, uint64_t value);

/// Has an interrupt of the host handled, with interrupts off.
bool hyper_add_interrupt(uint32_t number, void (*handle)(void *state), void *state, struct hyper_error *error);
void hyper_remove_interrupt(uint32_t number);

struct hyper_driver {
    struct hyper_text name;
    /// Strings with spaces between them.
    struct hyper_text compatible;
    /// Makes a device work. What it returns stands for the device; null if it fails.
    void *(*probe)(const struct hyper_node *node, struct hyper_error *error);
    /// Stops the device.
    void (*remove)(void *state);
};
/// Called by the module's start alone, as the other functions of the name hyper_add. Names and structures are copied.
bool hyper_add_driver(const struct hyper_driver *driver, struct hyper_error *error);

// MARK: Emulators of guests' devices

/// A device of a guest.
struct hyper_device;
const struct hyper_node *hyper_device_node(const struct hyper_device *device);
/// Bytes of its registers.
uint64_t hyper_device_size(const struct hyper_device *device);
/// Sets the line of that place among its interrupts; what it does not have goes nowhere.
void hyper_device_set_interrupt(const struct hyper_device *device, size_t index, bool level);
/// The guest's memory; false where it has none.
bool hyper_device_read_memory(const struct hyper_device *device, uint64_t address, void *target, size_t count);
bool hyper_device_write_memory(const struct hyper_device *device, uint64_t address, const void *source, size_t count);

struct hyper_emulator {
    struct hyper_text name;
    /// Strings with spaces between them.
    struct hyper_text compatible;
    /// Makes a device, which lives until `remove`. What it returns stands for the device; null if it fails.
    void *(*make)(const struct hyper_device *device, struct hyper_error *error);
    /// `width` is 1, 2, 4 or 8. VCPUs may be here at once, on several CPUs, with interrupts off.
    uint64_t (*read)(void *state, uint64_t offset, int32_t width);
    void (*write)(void *state, uint64_t offset, int32_t width, uint64_t value);
    /// The guest is reset.
    void (*reset)(void *state);
    void (*remove)(void *state);
};
bool hyper_add_emulator(const struct hyper_emulator *emulator, struct hyper_error *error);

// MARK: Commands

/// Where a command prints.
struct hyper_output;
void hyper_write(struct hyper_output *output, struct hyper_text text);

/// One way to call a command, as in `dump GUEST ADDRESS [COUNT]`: words in capitals are values, of which it is given an array.
struct hyper_form {
    struct hyper_text usage, summary;
    bool (*run)(
        const struct hyper_text *arguments, size_t count, struct hyper_output *output, struct hyper_error *error);
};

struct hyper_command {
    struct hyper_text name, group, summary;
    const struct hyper_form *forms;
    size_t form_count;
};
bool hyper_add_command(const struct hyper_command *command, struct hyper_error *error);

// MARK: What Hyper exports

/// The functions above, and what a compiler wants of a C library.
#define HYPER_EXPORTS(EXPORT)                                                                                       \
    EXPORT(hyper_fail)                                                                                              \
    EXPORT(hyper_print)                                                                                             \
    EXPORT(hyper_time)                                                                                              \
    EXPORT(hyper_node_number)                                                                                       \
    EXPORT(hyper_node_registers)                                                                                    \
    EXPORT(hyper_node_interrupt)                                                                                    \
    EXPORT(hyper_read_device)                                                                                       \
    EXPORT(hyper_write_device)                                                                                      \
    EXPORT(hyper_add_interrupt)                                                                                     \
    EXPORT(hyper_remove_interrupt)                                                                                  \
    EXPORT(hyper_add_driver)                                                                                        \
    EXPORT(hyper_device_node)                                                                                       \
    EXPORT(hyper_device_size)                                                                                       \
    EXPORT(hyper_device_set_interrupt)                                                                              \
    EXPORT(hyper_device_read_memory)                                                                                \
    EXPORT(hyper_device_write_memory)                                                                               \
    EXPORT(hyper_add_emulator)                                                                                      \
    EXPORT(hyper_write)                                                                                             \
    EXPORT(hyper_add_command)                                                                                       \
    EXPORT(posix_memalign)                                                                                          \
    EXPORT(free)                                                                                                    \
    EXPORT(memcpy)                                                                                                  \
    EXPORT(memmove)                                                                                                 \
    EXPORT(memset)                                                                                                  \
    EXPORT(memcmp)

struct hyper_export {
    struct hyper_text name;
    uint64_t address;
};

/// The export of that place; without an address behind the last one. For Hyper itself.
static inline struct hyper_export hyper_export(size_t index) {
#define EXPORT(SYMBOL) {{(const uint8_t *)#SYMBOL, sizeof #SYMBOL - 1}, (uint64_t)(uintptr_t)SYMBOL},
    static const struct hyper_export all[] = {HYPER_EXPORTS(EXPORT){{0, 0}, 0}};
#undef EXPORT
    const size_t count = sizeof all / sizeof all[0];
    return all[index < count ? index : count - 1];
}

#endif
