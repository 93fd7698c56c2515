"""Does a state keep what was promised before the cut?"""

import judge
from record import ARCHIVED


def check_events(story, promise, found):
    """found: [(partition, is_tombstone, offset, value, key)] in order."""
    there, last = set(), {}
    for part, gone, offset, value, key in found:
        event = gone, value, key
        if event not in story.known.get((part % ARCHIVED, offset), ()):
            return f"{part}, {offset}: nobody wrote that there"
        if last.get(part, -1) >= offset:
            return f"{part}, {offset}: out of order"
        last[part] = offset
        there.add((part, offset))
        if promise.events.get((part, offset), event) != event:
            return f"{part}, {offset}: another event than was promised"
    if story.is_table:
        return check_table(story, promise, found)
    for part, offset in promise.events.keys() - there:
        if part < ARCHIVED and (part + ARCHIVED, offset) in there:
            continue
        if (part, offset) in story.stays:
            return f"{part}, {offset}: it was promised, and is gone"
        if story.stays and max(story.stays)[0] >= ARCHIVED:
            return f"{part}, {offset}: neither here nor in the archive"
    return None


def check_table(story, promise, found):
    """The last event of each key, or a later one; no deleted key is back."""
    due, have = {}, {}
    for (part, offset), (gone, _, key) in promise.events.items():
        if part < ARCHIVED and offset >= due.get((part, key), (0,))[0]:
            due[part, key] = offset, gone
    for part, _, offset, _, key in found:
        have[part, key] = offset
    for (part, key), (offset, gone) in due.items():
        last = have.get((part, key))
        if last is None:
            if not gone or (part, offset) in story.stays:
                return f"{part}, {offset}: the last of its key is gone"
        elif last < offset:
            return f"{part}, {last}: it was passed by {offset}, and is back"
    return None


def may_go(story, part, first, end):
    """Retention is letting these go, whose names come and go in any order."""
    return (story.wishes & judge.BOUNDED and
            not any((part, offset) in story.stays
                    for offset in range(first, end)))


def check_flaws(story, promise, answer):
    """Only what was not promised may be damaged, or lie in a hole."""
    for part, kind, first, end in answer.flaws:
        if (part, first) in story.damaged:
            continue
        if chr(kind) == "g" and not may_go(story, part, first, end):
            return f"{part}, {first}: a hole between two segments"
        if chr(kind) == "d" and first < promise.ends.get(part, 0):
            return f"{part}, {first}: what was promised is damaged"
    return None


def check_group(promise, answer, places):
    if promise.group is False and answer.group:
        return "the group was deleted, and is back"
    if promise.group and not answer.group:
        return "the group is gone"
    read = {part: None if is_bad else offset
            for part, is_bad, offset in answer.places}
    if answer.topic and read != places:
        return f"places are read as {read}, and are {places}"
    for part, offset in places.items():
        if offset is None:
            return f"the place in {part} can't be read"
        if answer.topic and (part >= len(answer.ends) or
                             offset > answer.ends[part]):
            return f"the place in {part} is {offset}, beyond the log's end"
    for part, offset in promise.places.items():
        if places.get(part, -1) < offset:
            return f"the place in {part} was {offset}, is {places.get(part)}"
    return None


def judge_answer(story, promise, answer, seen):
    """What is wrong, or None."""
    if answer.wrong:
        return answer.wrong
    if promise.topic is False and answer.topic:
        return "the topic was deleted, and is back"
    if promise.topic and not answer.topic:
        return "the topic is gone"
    if promise.yaml and answer.topic and seen.yaml != promise.yaml:
        return "topic.yaml isn't what it was told to be"
    for part, _, offset in answer.receipts:
        if answer.topic and offset < promise.ends.get(part, 0):
            return f"{part}, {offset}: given again, and was promised"
    return (answer.topic and (
        check_events(story, promise, judge.events_of(answer.events)) or
        check_flaws(story, promise, answer)) or
        check_group(promise, answer, seen.places))
