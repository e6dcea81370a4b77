"""Filters. One expression a line; a backslash is written twice."""

EXPRESSIONS = """
s | upper
s | lower
s | capitalize
s | title
'foo bar-baz (qux) [x' | title
s | length
s | count
l | length
d | length
n | length
none | length
t | trim
'xxaxx' | trim('x')
n | trim
s | replace('l', 'L')
s | replace('l', 'L', 1)
n | replace('7', 'x')
s | first
s | last
l | first
l | last
[] | first
[] | last
d | first
l | list
s[:3] | list
d | list
n | list
none | list
l | reverse | list
s | reverse
d | items | list
missing | items | list
l | sort
l | sort(reverse=true)
w | sort
w | sort(case_sensitive=true)
w | sort(true)
[1, 'a'] | sort
people | sort(attribute='age') | map(attribute='name') | list
people | sort(attribute='age', reverse=true) | map(attribute='name') | list
people | sort(attribute='home.town') | length
['a', 'A', 'b', 'a'] | unique | list
['a', 'A', 'b'] | unique(true) | list
people | unique(attribute='age') | map(attribute='name') | list
l | sum
l | sum(start=10)
people | sum(attribute='age')
[] | sum
['a'] | sum
nested | sum(start=[])
l | min
l | max
w | min
w | max
w | max(case_sensitive=true)
[] | max
people | max(attribute='age')
d | dictsort
d | dictsort(true)
d | dictsort(by='value')
d | dictsort(reverse=true)
d | dictsort(false, 'value', true)
l | join
l | join(', ')
l | join(d='-')
people | join(', ', attribute='name')
s | join('.')
missing | join(',')
[none, 1.0, true] | join(' ')
people | map(attribute='name') | list
people | map(attribute='home.town') | list
people | map(attribute='home.town', default='?') | list
people | map(attribute='tags.0') | list
w | map('upper') | list
w | map('replace', 'A', 'X') | list
l | map('string') | join('+')
[[1, 2], [3]] | map('length') | list
w | map | list
none | selectattr('x') | list
none | select | list
0 | map('upper') | list
none | map(attribute='x') | list
5 | select | list
'{}-{}'.format(1, 'a')
'{1}{0}{{}}'.format('a', s)
'{a}{b_1}'.format(a=1, b_1=none)
'{}'.format()
'{'.format(1)
'{x}'.format(1)
l | select | list
[0, 1, '', 'a', none] | select | list
[0, 1, '', 'a', none] | reject | list
l | select('odd') | list
l | reject('odd') | list
l | select('gt', 1) | list
l | select('divisibleby', 3) | list
l | select('in', [1, 3]) | list
people | selectattr('tags') | map(attribute='name') | list
people | selectattr('age', 'equalto', 31) | map(attribute='name') | list
people | selectattr('age', '==', 31) | list | length
people | rejectattr('age', 'eq', 31) | map(attribute='name') | list
people | selectattr('home.town', 'defined') | map(attribute='name') | list
people | rejectattr('tags') | map(attribute='name') | list
'5' | int
'5.7' | int
'x' | int
'x' | int(3)
'ff' | int(base=16)
'0xff' | int(0, 16)
'  8 ' | int
5.9 | int
-5.9 | int
none | int
true | int
[1] | int
'2.5' | float
'x' | float
'x' | float(1.5)
3 | float
none | float
'1e3' | float
missing | int
n | string + 'x'
none | string
2.5 | round
3.5 | round
2.567 | round(2)
2.1 | round(method='ceil')
2.9 | round(0, 'floor')
-2.5 | round
42 | round
1234.5 | round(-2)
2.5 | round(0, 'x')
-3 | abs
-2.5 | abs
'a' | abs
s | default('x')
e | default('x')
e | default('x', true)
e | default('x', boolean=true)
none | default('x')
none | default('x', true)
missing | default
d.missing | default(d.a)
lines | indent
lines | indent(2)
lines | indent(2, true)
lines | indent(2, first=true, blank=true)
lines | indent('> ')
'' | indent(2, true)
q | e
q | escape
'<' | safe
s | attr('upper') is callable
d | attr('a')
d | tojson
people | tojson
people | tojson(indent=2)
people | tojson(indent=0)
[] | tojson(indent=2)
{} | tojson(indent=4)
[[], {}] | tojson(indent=1)
q | tojson
u | tojson
u | tojson(ensure_ascii=true)
'\\x7f\\x00\\x1f/' | tojson
d | tojson(sort_keys=true)
d | tojson(separators=(',', ':'))
d | tojson(indent=2, separators=(',', ': '))
d | tojson(indent='\\t')
{1: none, none: true, true: 1.5, 2.5: []} | tojson
[1.0, 1e100, 0.1, 1e-7, 12345678901234567890.0, -0.0] | tojson
(1, 2) | tojson
missing | tojson
[missing] | tojson
none | tojson
n | tojson
"""
