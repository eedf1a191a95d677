// The same as `sharedpage`, with the data on a page of its own.
#define OWN_PAGE
#include "sharedpage.S"
