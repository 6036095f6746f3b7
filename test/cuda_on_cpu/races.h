// What each byte of memory remembers of the accesses of this launch, and whether a new one is ordered after them.
#pragma once
#include <stdint.h>
#include <stdlib.h>

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
    const uint32_t *known;  // for each lane of the warp: what it did before this time is ordered before now
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
    // Of lanes that came at different times the latest counts: exact unless masks of __syncwarp overlap in part.
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
struct Plain {
    uint32_t run;
    bool split;  // of the first byte of four
    Touch write;
    Touches reads;
};
struct Special { uint32_t run; Touches atomics, volatiles; };
struct Conflict { const char *did; const Touch *touch; };

// The records of a piece of memory. Four bytes that are always touched together share that of the first.
struct Shadow {
    Plain *plain = nullptr;
    Special *special = nullptr;
    uint32_t special_run = 0;  // the last that made any
    bool begins_unwritten = false;

    Shadow() = default;
    // Pages that are never touched are never made.
    Shadow(size_t size, bool begins_unwritten)
        : plain((Plain *)calloc(size + 4, sizeof(Plain))), special((Special *)calloc(size + 4, sizeof(Special))),
          begins_unwritten(begins_unwritten) {}
    void free() { ::free(plain), ::free(special); }

    Conflict touch(size_t begin, size_t size, uint32_t run, Kind kind, const Witness &w) {
        Conflict conflict = {};
        for (size_t word = begin & ~(size_t)3, end = begin + size; word < end && !conflict.did; word += 4) {
            bool all = word >= begin && word + 4 <= end;
            Plain &first = plain[word];
            if (first.run != run) first = {run, !all, {}, {}};
            if (!all && !first.split) split(word);
            if (!first.split) conflict = touch_one(word, run, kind, w);
            else for (size_t byte = word; byte < word + 4 && !conflict.did; byte++)
                if (byte >= begin && byte < end) conflict = touch_one(byte, run, kind, w);
        }
        return conflict;
    }

  private:
    void split(size_t word) {
        plain[word].split = true;
        for (size_t byte = word + 1; byte < word + 4; byte++) plain[byte] = plain[word], special[byte] = special[word];
    }

    Special *special_at(size_t byte, uint32_t run, bool make) {
        if (make) special_run = run;
        if (special_run != run) return nullptr;
        if (special[byte].run != run) special[byte] = {run, {}, {}};
        return &special[byte];
    }

    Conflict touch_one(size_t byte, uint32_t run, Kind kind, const Witness &w) {
        Plain &p = plain[byte];
        if (p.run != run) p = {run, false, {}, {}};
        if (kind == READ && p.reads.has(w)) return {};
        Special *s = special_at(byte, run, kind == ATOMIC || kind == VOLATILE_READ);
        bool written = !begins_unwritten || p.write.who || (s && s->atomics.first.who);
        if (!written && kind != WRITE) return {"nothing wrote", nullptr};
        if (auto old = w.conflict(p.write)) return {"wrote", old};
        if (kind == WRITE || kind == ATOMIC)
            if (auto old = p.reads.conflict(w)) return {"read", old};
        if (s && (kind == WRITE || kind == READ))
            if (auto old = s->atomics.conflict(w)) return {"changed atomically", old};
        if (s && kind == WRITE)
            if (auto old = s->volatiles.conflict(w)) return {"read through volatile", old};
        if (kind == READ) p.reads.add(w);
        else if (kind == ATOMIC) s->atomics.add(w);
        else if (kind == VOLATILE_READ) s->volatiles.add(w);
        else {  // what came before the write is ordered before it, and so before all that is ordered after it
            p.write = w.touch, p.reads = {};
            if (s) *s = {run, {}, {}};
        }
        return {};
    }
};
