// Camera bytes to the network's input, exactly as encodings.rgb_of_image and resolution.shrink make it, in one pass: a
// thread computes one pixel of the network from the message's bytes. The picture at the camera's size is never written.
#include "convert_pixels.cuh"

// conversion.RULES: what is done after the halvings.
#define CONVERT_MEAN 0
#define CONVERT_AREA 1

// 16384, encodings.MAX_SIDE, is halved 14 times at most.
#define CONVERT_HALVINGS 14

// conversion.SPAN: the `count` pixels from `first` on that one of the network's is made of, and their weights.
struct ConvertSpan {
    int32 first, count;
    float head, inner, tail;

    __device__ float weight(int32 i) const
    {
        return i == 0 ? head : i == count - 1 ? tail : inner;
    }
};

static __device__ uint32 convert_mean_of_four(uint32 sum)
{
    return (sum + convert_colour(2, 2, 2)) >> 2 & convert_colour(255, 255, 255);
}

// A pixel of the picture after some halvings, each of which rounds. Fours of pixels come in the order of their digits in
// base 4, which are the way to them from (x, y): so the last of four means follows the three others at each halving.
template <class Pixels> struct ConvertHalved {
    Pixels pixels;
    int32 halvings;

    __device__ uint32 operator()(int32 x, int32 y) const
    {
        if (halvings == 0)
            return pixels(x, y);
        const int32 last = halvings - 1;
        uint32 sums[CONVERT_HALVINGS], mean = 0;
        for (int32 four = 0; four < 1 << 2 * last; four++) {
            mean = mean_of_four(x, y, four);
            for (int32 i = 0; i < last; i++) {
                const int32 digit = four >> 2 * i & 3;
                sums[i] = digit == 0 ? mean : sums[i] + mean;
                if (digit < 3)
                    break;
                mean = convert_mean_of_four(sums[i]);
            }
        }
        return mean;
    }

    __device__ uint32 mean_of_four(int32 x, int32 y, int32 four) const
    {
        for (int32 i = halvings - 2; i >= 0; i--) {
            x = 2 * x + (four >> 2 * i & 1);
            y = 2 * y + (four >> 2 * i >> 1 & 1);
        }
        return convert_mean_of_four(pixels(2 * x, 2 * y) + pixels(2 * x + 1, 2 * y) + pixels(2 * x, 2 * y + 1)
                                    + pixels(2 * x + 1, 2 * y + 1));
    }
};

// Rounds half to even. No level is below 0 or above 255: weights are not negative and add up to 1.
static __device__ uint32 convert_rounded(const float levels[3])
{
    return convert_colour(__float2int_rn(levels[0]), __float2int_rn(levels[1]), __float2int_rn(levels[2]));
}

// cv2.INTER_AREA where a pixel of the network is a whole number of pixels wide and high.
template <class Picture> static __device__ uint32 convert_mean(const Picture& picture, ConvertSpan x, ConvertSpan y)
{
    int32 sums[3] = {0, 0, 0};
    for (int32 j = 0; j < y.count; j++)
        for (int32 i = 0; i < x.count; i++) {
            const uint32 colour = picture(x.first + i, y.first + j);
            for (int32 channel = 0; channel < 3; channel++)
                sums[channel] += convert_channel(colour, channel);
        }
    const float share = 1.0f / (x.count * y.count);
    const float levels[3] = {sums[0] * share, sums[1] * share, sums[2] * share};
    return convert_rounded(levels);
}

// cv2.INTER_AREA with parts of pixels: along rows, then down, added from left to right and from top to bottom.
template <class Picture> static __device__ uint32 convert_area(const Picture& picture, ConvertSpan x, ConvertSpan y)
{
    float levels[3] = {0, 0, 0};
    for (int32 j = 0; j < y.count; j++) {
        float row[3] = {0, 0, 0};
        for (int32 i = 0; i < x.count; i++) {
            const uint32 colour = picture(x.first + i, y.first + j);
            for (int32 channel = 0; channel < 3; channel++)
                row[channel] += convert_channel(colour, channel) * x.weight(i);
        }
        for (int32 channel = 0; channel < 3; channel++)
            levels[channel] += row[channel] * y.weight(j);
    }
    return convert_rounded(levels);
}

// cv2.INTER_LINEAR: weights are out of 2048, and bits are dropped where OpenCV's vector instructions drop them.
template <class Picture> static __device__ uint32 convert_linear(const Picture& picture, ConvertSpan x, ConvertSpan y)
{
    const int32 right = x.first + x.count - 1, low = y.first + y.count - 1;
    const uint32 colours[4] = {picture(x.first, y.first), picture(right, y.first), picture(x.first, low),
                               picture(right, low)};
    int32 levels[3];
    for (int32 channel = 0; channel < 3; channel++) {
        int32 rows[2];
        for (int32 j = 0; j < 2; j++)
            rows[j] = (convert_channel(colours[2 * j], channel) * int32(x.head)
                       + convert_channel(colours[2 * j + 1], channel) * int32(x.tail)) >> 4;
        levels[channel] = ((rows[0] * int32(y.head) >> 16) + (rows[1] * int32(y.tail) >> 16) + 2) >> 2;
    }
    return convert_colour(levels[0], levels[1], levels[2]);
}

// One pixel of `out`, (slots, height, width, 3). columns: (width,), rows: (height,).
template <class Pixels>
static __device__ void convert_pixel(const Pixels& pixels, int32 halvings, int32 rule, const ConvertSpan* columns,
                                     const ConvertSpan* rows, uint8* out, int32 slot, int32 height, int32 width)
{
    const int32 x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y;
    if (x >= width)
        return;
    const ConvertHalved<Pixels> picture = {pixels, halvings};
    const uint32 colour = rule == CONVERT_MEAN ? convert_mean(picture, columns[x], rows[y])
                        : rule == CONVERT_AREA ? convert_area(picture, columns[x], rows[y])
                                               : convert_linear(picture, columns[x], rows[y]);
    uint8* const target = out + 3 * ((int64(slot) * height + y) * width + x);
    for (int32 channel = 0; channel < 3; channel++)
        target[channel] = uint8(convert_channel(colour, channel));
}

#define CONVERT_KERNEL(name, Pixels)                                                                                   \
    extern "C" __global__ void name(const uint8* data, ConvertMessage message, int32 halvings, int32 rule,             \
                                    const ConvertSpan* columns, const ConvertSpan* rows, uint8* out, int32 slot,       \
                                    int32 height, int32 width)                                                         \
    {                                                                                                                  \
        convert_pixel(Pixels{data, message}, halvings, rule, columns, rows, out, slot, height, width);                 \
    }
CONVERT_KERNEL(convert_interleaved, ConvertInterleaved)
CONVERT_KERNEL(convert_bayer, ConvertBayer)
CONVERT_KERNEL(convert_yuv, ConvertYuv)
