import { script } from './redis-script.js';
import * as source from './assets.generated.js';

export const ADD_DEAD_LETTER = script('add-dead-letter', source.ADD_DEAD_LETTER_LUA);
export const CHANGE_DEAD_LETTER = script('change-dead-letter', source.CHANGE_DEAD_LETTER_LUA);
export const DISCARD_DEAD_LETTER = script('discard-dead-letter', source.DISCARD_DEAD_LETTER_LUA);
export const FIND_DEAD_LETTER = script('find-dead-letter', source.FIND_DEAD_LETTER_LUA);
export const WALK_DEAD_LETTERS = script('walk-dead-letters', source.WALK_DEAD_LETTERS_LUA);
export const COUNT_DEAD_LETTERS = script('count-dead-letters', source.COUNT_DEAD_LETTERS_LUA);
export const SUM_UP_DEAD_LETTERS = script('sum-up-dead-letters', source.SUM_UP_DEAD_LETTERS_LUA);
export const MEASURE_DEAD_LETTERS = script('measure-dead-letters', source.MEASURE_DEAD_LETTERS_LUA);
export const RECOUNT_DEAD_LETTERS = script('recount-dead-letters', source.RECOUNT_DEAD_LETTERS_LUA);

export const BEGIN = script('begin', source.BEGIN_LUA);
export const FIND_CLAIM = script('find-claim', source.FIND_CLAIM_LUA);
export const COMPLETE = script('complete', source.COMPLETE_LUA);
export const RELEASE = script('release', source.RELEASE_LUA);

export const CONTROL_GET = script('control-get', source.CONTROL_GET_LUA);
export const CONTROL_PUT = script('control-put', source.CONTROL_PUT_LUA);
export const CONTROL_REMOVE = script('control-remove', source.CONTROL_REMOVE_LUA);
export const CONTROL_LIST = script('control-list', source.CONTROL_LIST_LUA);
export const CONTROL_CHANGES = script('control-changes', source.CONTROL_CHANGES_LUA);

export const JOIN = script('join', source.JOIN_LUA);
export const TICK = script('tick', source.TICK_LUA);
export const INSPECT = script('inspect', source.INSPECT_LUA);
export const PENDING = script('pending', source.PENDING_LUA);
export const LEAVE = script('leave', source.LEAVE_LUA);

export const TAKE = script('take', source.TAKE_LUA);
export const SET_ASIDE = script('set-aside', source.SET_ASIDE_LUA);
export const SETTLE = script('settle', source.SETTLE_LUA);
export const MOVE = script('move', source.MOVE_LUA);

export const TRIM = script('trim', source.TRIM_LUA);
export const BACKLOG = script('backlog', source.BACKLOG_LUA);
export const GROUPS = script('groups', source.GROUPS_LUA);
export const REMOVE_GROUP = script('remove-group', source.REMOVE_GROUP_LUA);

export const OPEN_INBOX = script('open-inbox', source.OPEN_INBOX_LUA);
export const REPLY = script('reply', source.REPLY_LUA);

export const PUBLISH = script('publish', source.PUBLISH_LUA);
export const PUBLISH_LATER = script('publish-later', source.PUBLISH_LATER_LUA);
