// Instances drawn over their picture, exactly as drawing.overlay draws them, but for its labels.
#include "types.cuh"

// Ids share 255 colours: drawing.DRAWN_IDS.
static __device__ uint32 overlay_colour(uint32 id)
{
    return id > 255 ? (id - 1) % 255 + 1 : id;
}

// What the share of a colour in a mask makes of one value of the picture: cv2.addWeighted, whose vectors fuse the first
// product with the sum and round halves to even.
static __device__ uint8 overlay_blend(uint8 value, uint8 colour, float kept, float opacity)
{
    return uint8(__float2int_rn(__fmaf_rn(float(value), kept, float(colour) * opacity)));
}

// True where all pixels up to `outline` to the left and right have this colour.
static __device__ bool overlay_alike(const uint16* line, int32 column, int32 width, int32 outline, uint32 colour)
{
    bool alike = true;
    for (int32 x = max(column - outline, 0); x <= min(column + outline, width - 1); x++)
        alike &= overlay_colour(line[x]) == colour;
    return alike;
}

// Tints each mask and outlines it, inside, `outline` wide in the pure colour. rgb, out: (height, width, 3). colours:
// (256, 3), of no instance first. Rows are shared out evenly over gridDim.y. A thread walks down its column and is
// `outline` rows ahead of what it draws: a pixel is inside its mask if the last 2 * outline + 1 rows are alike, to both
// sides and down. Beyond the borders their pixels are repeated.
extern "C" __global__ void overlay_draw(const uint8* rgb, const uint16* id_map, const uint8* colours, int32 height,
                                        int32 width, int32 outline, float kept, float opacity, uint8* out)
{
    const int32 column = blockIdx.x * blockDim.x + threadIdx.x;
    const int32 first = blockIdx.y * height / gridDim.y, last = (blockIdx.y + 1) * height / gridDim.y;
    if (column >= width)
        return;
    uint32 colour = 0;
    int32 alike = 0;
    for (int32 ahead = first - outline; ahead < last + outline; ahead++) {
        const uint16* line = id_map + min(max(ahead, 0), height - 1) * width;
        const uint32 here = overlay_colour(line[column]);
        alike = !overlay_alike(line, column, width, outline, here) ? 0 : here == colour ? alike + 1 : 1;
        colour = here;
        const int32 row = ahead - outline;
        if (row < first)
            continue;
        const int32 pixel = row * width + column;
        const uint32 drawn = overlay_colour(id_map[pixel]);
        const bool inside = alike > 2 * outline;
        for (int32 c = 0; c < 3; c++) {
            const uint8 value = rgb[3 * pixel + c], pure = colours[3 * drawn + c];
            out[3 * pixel + c] = drawn == 0 ? value : inside ? overlay_blend(value, pure, kept, opacity) : pure;
        }
    }
}
