// The colour of one pixel of a camera message, read where the bytes lie and computed as OpenCV's cvtColor does, to the
// last bit: one struct for each way in which encodings keep their samples.
#pragma once
#include "types.cuh"

// conversion.MESSAGE. high_byte: its place in a sample. places: where the encoding has its colours, as each struct says.
struct ConvertMessage {
    int64 step;
    int32 height, width, samples, sample_bytes, high_byte, places[3];
};

// A colour is one number: red, green and blue in 10 bits each, so that the sum of four pixels is one addition each.
static __device__ uint32 convert_colour(int32 red, int32 green, int32 blue)
{
    return uint32(red) << 20 | uint32(green) << 10 | uint32(blue);
}

static __device__ int32 convert_channel(uint32 colour, int32 channel)
{
    return colour >> (20 - 10 * channel) & 255;
}

// rgb8, bgra16, mono8 and the like. places: the samples of red, green and blue.
struct ConvertInterleaved {
    const uint8* data;
    ConvertMessage message;

    __device__ uint32 operator()(int32 x, int32 y) const
    {
        const int32 bytes = message.sample_bytes;
        const uint8* pixel = data + y * message.step + x * message.samples * bytes + message.high_byte;
        return convert_colour(pixel[message.places[0] * bytes], pixel[message.places[1] * bytes],
                              pixel[message.places[2] * bytes]);
    }
};

// Bayer mosaics, bilinear. places: column and row of the first red sample. The outermost pixels are those beside them.
struct ConvertBayer {
    const uint8* data;
    ConvertMessage message;

    __device__ uint32 operator()(int32 x, int32 y) const
    {
        x = min(max(x, 1), message.width - 2);
        y = min(max(y, 1), message.height - 2);
        const int64 left = message.sample_bytes, up = message.step;
        const uint8* here = data + y * up + x * left + message.high_byte;
        const int32 across = here[-left] + here[left], down = here[-up] + here[up];
        const bool red_column = (x - message.places[0]) % 2 == 0, red_row = (y - message.places[1]) % 2 == 0;
        if (red_column != red_row) {  // green: red is beside it or above and below, blue the other
            const int32 beside = (across + 1) >> 1, above = (down + 1) >> 1;
            return red_row ? convert_colour(beside, *here, above) : convert_colour(above, *here, beside);
        }
        const int32 green = (across + down + 2) >> 2;
        const int32 corners = (here[-up - left] + here[-up + left] + here[up - left] + here[up + left] + 2) >> 2;
        return red_row ? convert_colour(*here, green, corners) : convert_colour(corners, green, *here);
    }
};

// YUV of BT.601, 16..235, where two neighbours share their chroma. places: luma in the bytes of a pixel, u and v in those
// of two. With one byte per pixel the chroma has rows of its own below the picture, each for two of the picture.
struct ConvertYuv {
    const uint8* data;
    ConvertMessage message;

    __device__ uint32 operator()(int32 x, int32 y) const
    {
        const int64 chroma_row = message.samples == 1 ? message.height + y / 2 : y;
        const uint8* pair = data + chroma_row * message.step + x / 2 * 2 * message.samples;
        const int32 sample = data[y * message.step + x * message.samples + message.places[0]];
        const int32 u = pair[message.places[1]] - 128, v = pair[message.places[2]] - 128;
        const int32 luma = max(sample - 16, 0) * 1220542 + (1 << 19);  // 255 / 219 with 20 bits after the point, and 1/2
        return convert_colour(level(luma + 1673527 * v), level(luma - 409993 * u - 852492 * v),
                              level(luma + 2116026 * u));
    }

    static __device__ int32 level(int32 fixed)
    {
        return min(max(fixed >> 20, 0), 255);
    }
};
