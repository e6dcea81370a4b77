"""Operators, literals, subscripts, undefined values, and methods of dictionaries and lists. One expression a line; a backslash is written twice."""

EXPRESSIONS = """
1 + 2 * 3
(1 + 2) * 3
7 // 2
-7 // 2
7 // -2
7 % 3
-7 % 3
7 % -3
7 / 2
6 / 2
2 ** 10
2 ** 3 ** 2
2 ** -1
-2 ** 2
- 3
+n
-n
- -n
-f
7.5 // 2
-7.5 % 2
1 / 0
1 // 0
1 % 0
1.0 / 0
0.1 + 0.2
1e16
1e15 + 0.5
1e-5
0.0001
123456789.123
1e300 * 1e10
2.0 * 3
100 * 1.1
3 == 3.0
1 == true
0 == false
'1' == 1
none == false
nil == none
1_000 + 1
0x1f + 0o17 + 0b11
5 - 3 - 1
2 * 3 ~ 4
1 + 2 ~ 3 + 4
'a' ~ 1 ~ none ~ true ~ 2.0 ~ [1, 'x']
'a' + 'b'
'a' + 1
1 + 'a'
'ab' * 3
3 * 'ab'
'ab' * 0
'ab' * -1
[1] * 3
[1] + [2, 3]
(1,) + (2,)
[1] + (2,)
true + true
'a' 'b' "c"
'it\\'s'
"\\"q\\""
'a\\nb\\tc\\\\d\\x41\\u00e9\\U0001F44D\\101\\q'
1 < 2 < 3
1 < 2 > 1
3 > 2 > 2
1 <= 1 and 2 >= 3
'a' < 'b'
'B' < 'a'
'a' < 1
[1, 2] < [1, 3]
[1] < [1, 0]
(1, 2) == (1, 2)
[1, 2] == (1, 2)
{'a': 1} == {'a': 1.0}
{'a': 1, 'b': 2} == {'b': 2, 'a': 1}
none < 1
1 != 2
'a' != 'a'
not 1 == 2
not not 1
not yes and no
yes or 1 / 0
no and 1 / 0
0 or '' or 'x'
1 and 'y'
'' and 1
none or false
nil or none
'a' in 'cat'
'' in 'cat'
1 in 'cat'
2 in [1, 2]
'2' in [1, 2]
true in [1]
'a' in d
'A' in d
1 in d
1 not in [2]
not 1 in [1]
missing in [1]
'x' in missing
1 in none
1 in 5
1 if yes else 2
1 if no else 2
1 if no
(1 if no) is defined
1 if no else 2 if no else 3
'a' if s == 'Hello, World' else 'b'
[1, 2, 3][0]
[1, 2, 3][-1]
[1, 2, 3][5]
[1, 2, 3][5] is defined
[1, 2, 3][1:]
[1, 2, 3][:-1]
[1, 2, 3][::2]
[1, 2, 3][::-1]
[1, 2, 3][-100:100]
[1, 2, 3][2:1]
[1, 2, 3, 4, 5][3:0:-2]
[1, 2, 3][none:2]
[1, 2, 3]['a']
l.0
l.5
s[0]
s[-1]
s[100]
s[1:4]
s[::-1]
s[::-2]
s[7:]
s[:'a']
s[::0]
u[2]
u[-1]
u | length
u[::-1]
(1, 2, 3)[1:]
(1, 2)
(1,)
()
1, 2
[]
{}
[1, 'a', "b'c", 2.0, none, true, [1, [2]], {'k': 'v'}, (1,), ()]
{'a': 1, 2: 'b', 'c': [1]}
{'a': 1, 'a': 2}
{1: 'a', 1.0: 'b', true: 'c'}
{[1]: 2}
d
people
q
[q]
['\\n\\t\\r\\x00\\x7f\\u00a0\\u200b\\u00e9\\ue000']
["'", '"', '\\'"']
u
d.a
d['a']
d.missing
d['missing']
d.missing is defined
d.missing.x
d[1]
d[missing]
missing
missing.x
missing['x']
missing[0]
missing()
missing + 1
missing ~ 'x'
missing == missing
missing == none
missing is defined
missing is undefined
missing and 1
not missing
missing | length
missing | default('x')
missing | d('x') | upper
missing | list
missing < 1
-missing
nil.x
nil.x is defined
nil['x']
n.x is defined
s.x is defined
s.upper is defined
items_['items']
items_.get is callable
items_['get']
d.items() | list
d.keys() | list
d.values() | list
d.get('a')
d.get('x')
d.get('x', 5)
d.get('x', default=5)
d.get()
d.copy()
d.pop('a')
d.update({'x': 1})
d.setdefault('x', 1)
l.append(4)
l.pop()
l.sort()
l.index(1)
l.index(9)
l.count(1)
l.extend([1])
n.foo()
s.foo()
s()
n()
"""
