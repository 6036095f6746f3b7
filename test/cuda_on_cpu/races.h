// What each byte of memory remembers of the accesses of this launch, and whether a new one is ordered after them.
#pragma once
#include <stdint.h>

enum Kind { READ, WRITE, ATOMIC, VOLATILE_READ };

// Lanes of one warp that touched a byte since the block's clock stood at `time`. who: 0 for none.
struct Touch {
    uint32_t who, time, lanes, place;
    uint32_t block() const { return (who - 1) / 32; }
    uint32_t warp() const { return (who - 1) % 32; }
};

// The thread that asks: its warp's touch of now, the block's last barrier, and what it knows of the other lanes.
struct Witness {
    Touch touch;
    uint32_t barrier;
    const uint32_t *known;  // for each lane of the warp: the time up to which its touches are ordered before this thread
    bool after(const Touch &old) const {
        if (old.block() != touch.block()) return false;
        if (old.time < barrier) return true;
        if (old.who != touch.who) return false;
        for (uint32_t others = old.lanes & ~touch.lanes; others; others &= others - 1)
            if (old.time >= known[__builtin_ctz(others)]) return false;
        return true;
    }
    const Touch *conflict(const Touch &old) const { return old.who && !after(old) ? &old : nullptr; }
};

// Touches that may happen at once, like reads. Three are enough: whoever conflicts with one that was left out conflicts
// with one of these. `second` is of another warp than `first` in the same interval, `other` of another block.
struct Touches {
    Touch first, second, other;
    const Touch *conflict(const Witness &w) const {
        const Touch *found = w.conflict(first);
        if (!found) found = w.conflict(second);
        return found ? found : w.conflict(other);
    }
    static void join(Touch &old, const Witness &w) {
        uint32_t lanes = w.after(old) ? w.touch.lanes : old.lanes | w.touch.lanes;
        old = w.touch;
        old.lanes = lanes;
    }
    void add(const Witness &w) {
        if (!first.who) first = w.touch;
        else if (first.block() != w.touch.block()) { if (!other.who) other = w.touch; }
        else if (first.time < w.barrier) first = w.touch, second = {};
        else if (first.who == w.touch.who) join(first, w);
        else if (!second.who) second = w.touch;
        else if (second.who == w.touch.who) join(second, w);
    }
    bool has(const Witness &w) const {
        return first.who == w.touch.who && first.time == w.touch.time && (first.lanes & w.touch.lanes);
    }
};

// `run` names the launch, or the block for shared memory: what an older one left does not count.
struct Plain { uint32_t run; Touch write; Touches reads; };
struct Special { uint32_t run; Touches atomics, volatiles; };
struct Conflict { const Touch *touch; const char *did; };

inline bool written(const Plain &plain, const Special &special, uint32_t run) {
    return (plain.run == run && plain.write.who) || (special.run == run && special.atomics.first.who);
}

inline Conflict touch(Plain &plain, Special &special, uint32_t run, Kind kind, const Witness &w) {
    if (plain.run != run) plain = {run, {}, {}};
    if (kind == READ && plain.reads.has(w)) return {};
    if (special.run != run) special = {run, {}, {}};
    if (auto old = w.conflict(plain.write)) return {old, "wrote"};
    if (kind == WRITE || kind == ATOMIC)
        if (auto old = plain.reads.conflict(w)) return {old, "read"};
    if (kind == WRITE || kind == READ)
        if (auto old = special.atomics.conflict(w)) return {old, "changed atomically"};
    if (kind == WRITE)
        if (auto old = special.volatiles.conflict(w)) return {old, "read through volatile"};
    if (kind == READ) plain.reads.add(w);
    else if (kind == WRITE) plain.write = w.touch, plain.reads = {}, special = {run, {}, {}};
    else (kind == ATOMIC ? special.atomics : special.volatiles).add(w);
    return {};
}
