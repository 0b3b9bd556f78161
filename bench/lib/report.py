# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# report.py: from runs to tables.

from statistics import median

from lib import plan


def _ratio(value):
    if value is None:
        return '-'
    return f'{value:.1f}' if value >= 10 else f'{value:.2f}'


def _number(value):
    return '-' if value is None else f'{value:,.0f}'


class Results:
    """runs: (candidate, transport, cell) to a list with an entry a round, or None."""

    def __init__(self):
        self.runs = {}
        self.spawn = []			# scripts a second, a round
        self.syscalls = {}
        self.instructions = {}
        self.idle = None
        self.errors = []

    def add(self, name, transport, cell, run):
        self.runs.setdefault((name, transport, cell), []).append(run)

    def _rates(self, name, transport, cell):
        return [r and r['rate'] for r in self.runs.get((name, transport, cell), [])]

    def middle(self, name, transport, cell, what):
        values = [r[what] for r in self.runs.get((name, transport, cell), []) if r]
        return median(values) if values else None

    @staticmethod
    def _median_of_pairs(mine, others):
        pairs = [a / b for a, b in zip(mine, others) if a and b]
        return median(pairs) if pairs else None

    def ratio(self, a, b, cell):
        """Median over the rounds of a to b of the same round; both (name, transport)."""
        return self._median_of_pairs(self._rates(*a, cell), self._rates(*b, cell))

    def to_reference(self, name, transport, cell):
        reference = plan.BY_NAME[name].reference
        return self.ratio((name, transport), (reference, transport), cell)

    def to_spawn(self, cell):
        return self._median_of_pairs(self._rates(plan.SPAWN[0], 'unix', cell), self.spawn)


def _judge(value, target, at_most=False):
    if value is None:
        return 'not measured'
    return 'reached' if (value <= target if at_most else value >= target) else 'missed'


def target_rows(res, names, cells, transports):
    """(row, where, value, target, reached or missed) of what was asked for."""
    rows = []
    for (name, transport), targets in plan.RATIO_TARGETS.items():
        if name not in names or transport not in transports:
            continue
        title = plan.BY_NAME[name].title + (', over TCP' if transport == 'inet' else '')
        for cell, target in zip(plan.QUICK_CELLS, targets):
            if cell in cells:
                value = res.to_reference(name, transport, cell)
                rows.append((title, f'c={cell[0]} M={cell[1]}', _ratio(value),
                             f'{target:g}', _judge(value, target)))
    name, target = plan.OUR_TCP
    for cell in plan.QUICK_CELLS:
        if name in names and cell in cells and len(transports) == 2:
            value = res.ratio((name, 'inet'), (name, 'unix'), cell)
            rows.append(('our TCP against our unix socket', f'c={cell[0]} M={cell[1]}',
                         _ratio(value), f'{target:g}', _judge(value, target)))
    cell = plan.QUICK_CELLS[0]
    if cell in cells and 'unix' in transports:
        if plan.SPAWN[0] in names:
            value = res.to_spawn(cell)
            rows.append(('a dash process a message, of what posix_spawn can do',
                         f'c={cell[0]} M={cell[1]}', _ratio(value), f'{plan.SPAWN[1]:g}',
                         _judge(value, plan.SPAWN[1])))
        ours, theirs, target = plan.MIMEDEFANG
        if ours in names:
            value = res.ratio((ours, 'unix'), (theirs, 'unix'), cell)
            rows.append(('pooled dash adding a header, against MIMEDefang',
                         f'c={cell[0]} M={cell[1]}', _ratio(value), f'{target:g}',
                         _judge(value, target)))
    return rows


def cost_rows(res, names, with_idle):
    rows = []
    if with_idle is None:
        return rows
    for what, found, targets in (
            ('system calls', res.syscalls, plan.SYSCALL_TARGETS),
            ('instructions', res.instructions, plan.INSTRUCTION_TARGETS)):
        for name, target in targets.items():
            if name in names:
                value = found.get(name)
                rows.append((f'{what} a message: {plan.BY_NAME[name].title}', 'engine',
                             _number(value), f'< {target:,}',
                             _judge(value, target, at_most=True)))
    if with_idle:
        rows.append(('an idle connection, bytes', 'engine', _number(res.idle),
                     f'< {plan.IDLE_TARGET:,}',
                     _judge(res.idle, plan.IDLE_TARGET, at_most=True)))
    return rows


def rate_table(res, candidates, transport, cells):
    head = ['candidate'] + [f'c={c} M={m}' for c, m in cells] + \
        ['CPU µs/msg', 'calls/msg', 'instr/msg']
    rows = []
    for c in candidates:
        row = [c.title]
        for cell in cells:
            rate = res.middle(c.name, transport, cell, 'rate')
            ratio = res.to_reference(c.name, transport, cell)
            row.append('-' if rate is None else f'{_number(rate)} ({_ratio(ratio)})')
        row.append(_number(res.middle(c.name, transport, cells[-1], 'cpu_us')))
        row.append(_number(res.syscalls.get(c.name)))
        row.append(_number(res.instructions.get(c.name)))
        rows.append(row)
    return head, rows


def cost_table(res, candidates):
    return ['candidate', 'calls/msg', 'instr/msg'], [
        [c.title, _number(res.syscalls.get(c.name)), _number(res.instructions.get(c.name))]
        for c in candidates if c.name in res.syscalls or c.name in res.instructions]


def _as_text(head, rows):
    widths = [max(len(str(r[i])) for r in [head, *rows]) for i in range(len(head))]
    return '\n'.join('  '.join(str(v).ljust(w) if i == 0 else str(v).rjust(w)
                               for i, (v, w) in enumerate(zip(row, widths))).rstrip()
                     for row in [head, *rows])


def _as_markdown(head, rows):
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join('| ' + ' | '.join(str(v) for v in line) + ' |' for line in lines)


def tables(res, candidates, cells, transports, with_idle, markdown):
    """Everything as text."""
    table = _as_markdown if markdown else _as_text
    title = '## {}\n' if markdown else '{}\n'
    names = [c.name for c in candidates]
    parts = []
    rows = target_rows(res, names, cells, transports) + cost_rows(res, names, with_idle)
    if rows:
        parts.append(title.format('What was to be reached') + '\n' +
                     table(['row', 'where', 'value', 'target', ''], rows))
    for transport in transports:
        if cells:
            parts.append(
                title.format(f'Messages a second over {transport}, in brackets the median '
                             'of the ratios to libmilter') + '\n' +
                table(*rate_table(res, candidates, transport, cells)))
    if not cells and (res.syscalls or res.instructions):
        parts.append(title.format('What a message costs') + '\n' +
                     table(*cost_table(res, candidates)))
    if res.spawn:
        parts.append(f'posix_spawn of the dash script, two at a time: '
                     f'{_number(median(res.spawn))} a second')
    if res.errors:
        parts.append('\n'.join('error: ' + e for e in res.errors))
    return '\n\n'.join(parts) + '\n'


def as_json(res, candidates, cells, transports, with_idle):
    names = [c.name for c in candidates]
    rows = target_rows(res, names, cells, transports) + cost_rows(res, names, with_idle)
    keys = ('row', 'where', 'value', 'target', 'result')
    return {
        'targets': [dict(zip(keys, r)) for r in rows],
        'runs': [{'candidate': n, 'transport': t, 'connections': c[0],
                  'messages_per_connection': c[1],
                  'ratio': res.to_reference(n, t, c), 'rounds': runs}
                 for (n, t, c), runs in res.runs.items()],
        'syscalls': res.syscalls, 'instructions': res.instructions,
        'idle_bytes': res.idle, 'spawns_per_second': res.spawn, 'errors': res.errors,
    }
