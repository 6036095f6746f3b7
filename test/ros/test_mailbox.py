"""One slot for each camera; the newest wins; nobody starves."""

import threading

from instance_seg_node.ros.mailbox import Mailbox


def test_the_newest_item_of_a_sender_replaces_the_one_that_waits():
    mailbox = Mailbox()
    assert [mailbox.put("a", n) for n in range(3)] == [None, 0, 1]
    assert mailbox.take() == {"a": 2}


def test_what_waits_is_taken_at_once_one_item_of_each_sender():
    mailbox = Mailbox()
    for n in range(100):
        mailbox.put("fast", n)
    mailbox.put("slow", "only")
    assert mailbox.take() == {"fast": 99, "slow": "only"}


def test_a_taken_item_is_not_replaced():
    mailbox = Mailbox()
    mailbox.put("a", 1)
    mailbox.take()
    assert mailbox.put("a", 2) is None
    assert mailbox.take() == {"a": 2}


def test_take_waits_for_an_item():
    mailbox, taken = Mailbox(), []
    thread = threading.Thread(target=lambda: taken.append(mailbox.take()))
    thread.start()
    assert thread.is_alive()
    mailbox.put("a", 1)
    thread.join(10)
    assert taken == [{"a": 1}]


def test_what_waits_when_it_is_closed_is_given_back_and_so_is_what_comes_later():
    mailbox = Mailbox()
    mailbox.put("a", 1)
    assert mailbox.close() == {"a": 1}
    assert mailbox.close() == {}
    assert mailbox.put("a", 2) == 2


def test_close_wakes_who_waits():
    mailbox, taken = Mailbox(), []
    thread = threading.Thread(target=lambda: taken.append(mailbox.take()))
    thread.start()
    mailbox.close()
    thread.join(10)
    assert taken == [None]
    assert mailbox.take() is None


def test_no_item_is_lost_uncounted_between_threads():
    mailbox, replaced, taken, senders = Mailbox(), [], [], ("a", "b", "c")

    def send(sender):
        replaced.extend(mailbox.put(sender, n) is not None for n in range(2000))

    def receive():
        while (items := mailbox.take()) is not None:
            taken.extend(items.items())

    receiver = threading.Thread(target=receive)
    threads = [threading.Thread(target=send, args=(sender,)) for sender in senders]
    for thread in [receiver, *threads]:
        thread.start()
    for thread in threads:
        thread.join(30)
    while sum(replaced) + len(taken) < 3 * 2000 and receiver.is_alive():
        pass
    mailbox.close()
    receiver.join(10)
    assert sum(replaced) + len(taken) == 3 * 2000
    for sender in senders:
        numbers = [n for s, n in taken if s == sender]
        assert numbers == sorted(numbers)
        assert numbers[-1] == 1999
