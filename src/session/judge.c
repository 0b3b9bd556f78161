/*
 * SPDX-License-Identifier: ISC
 * Copyright (c) 2026 The pipemilter authors
 */

/*
 * session/judge.c: may a handler use an action? Its own configuration, the MTA and the
 * moment have to allow that.
 */
#include "base/compat.h"

#include "config/handler_conf.h"
#include "session/judge.h"
#include "session/session.h"

static const char *
judge_for_mta(const struct task *t, const struct action *a, const struct action_list *before)
{
	const struct session	*s = t->session;
	unsigned int		 listed = conf_handler_actions(session_handler(s, t->index));

	if (t->message_no == 0)
		return "before a message there is nothing to change";
	if ((listed & ACT_BIT(a->kind)) == 0)
		return "this action is not in the handler's list of actions";
	if ((s->neg->granted & ACT_BIT(a->kind)) == 0)
		return "the MTA did not agree to this action";
	if (a->kind == ACT_ADD_RECIPIENT && a->args != NULL && !s->neg->add_rcpt_args)
		return "the MTA did not agree to arguments of add-recipient";
	if (a->kind == ACT_REPLACE_BODY && t->event != EV_END_OF_MESSAGE)
		return "a body can be replaced at end-of-message only";
	if (a->kind == ACT_REPLACE_BODY && (action_list_has(before, ACT_REPLACE_BODY) ||
	    (!t->shadow && (action_list_has(&s->message->kept, ACT_REPLACE_BODY) ||
	    action_list_has(&s->message->difference, ACT_REPLACE_BODY)))))
		return "the body was replaced already";
	return NULL;
}

const char *
judge_difference(const struct session *s, unsigned int index, const struct action *a)
{
	unsigned int	 listed = conf_handler_actions(session_handler(s, index));

	/* A handler that returns a message can't choose between adding and inserting. */
	if ((listed & ACT_BIT(ACT_ADD_HEADER)) != 0)
		listed |= ACT_BIT(ACT_INSERT_HEADER);
	if ((listed & ACT_BIT(a->kind)) == 0)
		return "which is not in the handler's list of actions";
	if ((s->neg->granted & ACT_BIT(a->kind)) == 0)
		return "which the MTA did not agree to";
	return NULL;
}

const char *
session_judge(const struct task *t, const struct action *a, const struct action_list *before,
    unsigned int given)
{
	const struct session	*s = t->session;
	unsigned int		 kept = 0;

	if (s == NULL)
		return NULL;
	/* The message that a shadow was asked about may be over. */
	if (!t->shadow && s->message != NULL)
		kept = s->message->nkept;
	if (given + kept >= s->conf->max_actions)
		return "more than max-actions for one message";
	if (a->kind < ACT_MTA_COUNT)
		return judge_for_mta(t, a, before);
	if (a->kind == ACT_SET_MESSAGE && t->message_no == 0)
		return "there is no message yet";
	return NULL;
}
