#include <rfb/rfb.h>

/* A macro, whose value tells the library how its structures were laid out. */
static inline void rfbStartServer(rfbScreenInfoPtr screen) { rfbInitServer(screen); }
