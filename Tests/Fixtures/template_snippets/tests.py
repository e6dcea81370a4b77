"""Tests after `is`, functions, mixtures, and what is not an expression. One expression a line; a backslash is written twice."""

EXPRESSIONS = """
n is odd
n is even
m is odd
2.5 is odd
3.0 is odd
4.0 is even
-7 is odd
'a' is odd
n is divisibleby 7
n is divisibleby(3)
n is number
f is number
yes is number
s is number
n is integer
yes is integer
f is integer
f is float
n is float
yes is boolean
n is boolean
yes is true
1 is true
no is false
0 is false
nil is none
none is none
e is none
s is string
n is string
d is mapping
l is mapping
l is sequence
s is sequence
d is sequence
n is sequence
nil is sequence
missing is sequence
l is iterable
s is iterable
n is iterable
missing is iterable
range is callable
s is callable
missing is callable
n is eq 7
n is == 7
n is equalto 7
n is ne 7
n is lt 8
n is lessthan 8
n is le 7
n is gt 6
n is ge 8
n is greaterthan 6
n is in [7]
n is in(l)
n is not in [7]
s is in 'x'
none is sameas none
1 is sameas true
'abc' is lower
'ABC' is upper
n is lower
s is defined
s is not defined
missing is not defined
d.x is defined and d.x
d.a is defined and d.a
not missing is defined
s is string and n is number
s is string is true
1 is not odd or false
(n is odd) is true
-1 is odd
-m is odd
- m | abs
m | abs + 1
'a' ~ 'b' | upper
('a' ~ 'b') | upper
s | upper | lower | length
[1, 2] | length + 1
d.a + 1
'x' if d.a is eq 1 else 'y'
range(3) | list
range(1, 4) | list
range(5, 0, -2) | list
range(0) | list
range(3, 1) | list
range(0, 3, 0) | list
range(100001) | list
range('a') | list
range(3) | length
dict(a=1, b='x')
dict({'a': 1}, b=2)
dict([('a', 1)])
namespace(a=1).a
namespace({'a': 1}).a
namespace().a
strftime_now('%d %b %Y')
strftime_now('%Y-%m-%d %H:%M:%S')
strftime_now('%A, %B %e, %I:%M %p %j %y %%')
strftime_now('%F %T %a')
raise_exception('x')
people[0].name
people[0]['home']['town']
people[0].home.town
people[-1].tags[0]
people[1].tags[0]
people[1:][0].name
people[9].name
d.items() | map('first') | list
d.items() | map('last') | sum
d.items() | list | first
mixed
mixed | select('string') | list
mixed | select('number') | list
mixed | select('mapping') | list
mixed | map('string') | join('|')
l[0:2] | join
s.split(', ')[1][0]
s.split(', ') | last | lower
'%s' | length
'a|b' | replace('|', '/')
'{{' ~ '}}'
{'a': {'b': {'c': 1}}}['a'].b.c
{'a': 1}.a
[1, 2,]
{'a': 1,}
(1, 2,)
(1)
((1))
[[1, 2], [3, 4]][1][0]
'x'.upper().lower()
x
true
True
False
None
none
no or yes and no
1 if 2 > 1 and 3 > 2 else 0
'a' 'b' ~ 'c'
n > 5 and 'big' or 'small'
l == [3, 1, 2]
l | sort == [1, 2, 3]
5 in l | sort
3 in l | sort
-l | first
s.lower() in ['hello, world']
d | length > 2
d.a if d.a else d.b
nested[0][1]
e.strip() or 'empty'
e | trim | length == 0
u.split('ß')
u.replace('👍', 'x')
'é' == 'e\\u0301'
'é' | length
'e\\u0301' | length
'ﬁ'.upper()
'ß' | capitalize
'İ' | lower | length
1.5.x
1 |
| 1
1 +
(1
[1
{1
{1: }
1 2
a b
foo bar
1 is
1 is foo
1 | foo
1 ++ 2
= 1
1 == == 1
'abc
"abc
$
a.
a[
a[]
a[1:2:3:4]
f(
f(,)
f(a=1, 2)
not
1 if
"""
