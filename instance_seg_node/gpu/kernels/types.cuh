// Types of a fixed width, in NumPy's names. NVRTC compiles without the host's headers.
#pragma once

typedef unsigned char uint8;
typedef unsigned short uint16;
typedef int int32;
typedef unsigned int uint32;
typedef long long int64;
typedef unsigned long long uint64;
