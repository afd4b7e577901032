"""Dialogues for a very small model that talks: made from lists of simple words, and from stories that it is given.

A dialogue is a list of messages as chat templates take them; one with tools is a dict of `messages` and `tools`. All is
drawn from a seeded generator, so the same seed gives the same dialogues.
"""
import json
import random

ANIMALS = {
    'dog': 'woof', 'cat': 'meow', 'cow': 'moo', 'sheep': 'baa', 'duck': 'quack', 'pig': 'oink', 'horse': 'neigh', 'lion': 'roar',
    'bird': 'tweet', 'frog': 'croak', 'bee': 'buzz', 'snake': 'hiss', 'mouse': 'squeak', 'owl': 'hoot', 'wolf': 'howl', 'hen': 'cluck',
}
HEROES = list(ANIMALS) + [
    'bear', 'rabbit', 'fox', 'fish', 'boy', 'girl', 'king', 'queen', 'giant', 'witch', 'farmer', 'princess', 'prince', 'monkey', 'elephant',
    'turtle', 'butterfly', 'squirrel', 'tiger', 'dragon', 'fairy', 'robot', 'train', 'boat', 'car', 'ball', 'doll', 'tree', 'flower', 'star',
    'moon', 'cloud', 'river', 'kite', 'puppy', 'kitten', 'goat', 'deer', 'hat', 'cake',
]
ADJECTIVES = ['little', 'big', 'happy', 'sad', 'brave', 'clever', 'kind', 'lazy', 'old', 'young', 'tiny', 'proud', 'lonely', 'hungry', 'silly']
COLOURS = {
    'grass': 'green', 'the sky': 'blue', 'snow': 'white', 'the sun': 'yellow', 'a banana': 'yellow', 'milk': 'white', 'coal': 'black',
    'a strawberry': 'red', 'a carrot': 'orange', 'an orange': 'orange', 'a leaf': 'green', 'the sea': 'blue', 'a cherry': 'red', 'a frog': 'green',
    'a lemon': 'yellow', 'the night': 'black', 'chocolate': 'brown', 'a pea': 'green', 'blood': 'red', 'salt': 'white',
}
OPPOSITES = [
    ('big', 'small'), ('hot', 'cold'), ('up', 'down'), ('happy', 'sad'), ('day', 'night'), ('old', 'new'), ('fast', 'slow'), ('good', 'bad'),
    ('wet', 'dry'), ('open', 'closed'), ('high', 'low'), ('long', 'short'), ('full', 'empty'), ('hard', 'soft'), ('light', 'dark'),
    ('rich', 'poor'), ('strong', 'weak'), ('loud', 'quiet'), ('near', 'far'), ('early', 'late'), ('left', 'right'), ('in', 'out'),
    ('first', 'last'), ('clean', 'dirty'), ('thick', 'thin'), ('yes', 'no'),
]
NUMBERS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten']
DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
NAMES = [
    'Anna', 'Ben', 'Lily', 'Tom', 'Mia', 'Sam', 'Sara', 'Max', 'Lucy', 'Jack', 'Emma', 'Tim', 'Rose', 'Peter', 'Amy', 'Leo', 'Nora', 'Bob',
    'Jane', 'Fred', 'Ella', 'John', 'Mary', 'Paul', 'Ruth', 'Will', 'Daisy', 'Henry', 'Alice', 'George',
]
CITIES = ['Paris', 'London', 'Rome', 'Berlin', 'Oslo', 'Madrid', 'Tokyo', 'Cairo', 'Lima', 'Boston', 'Dublin', 'Vienna', 'Athens', 'Delhi']
WEATHER = ['sunny', 'rainy', 'cloudy', 'windy', 'snowy', 'foggy', 'warm', 'cold']
HELLO = ['Hello!', 'Hi!', 'Hello', 'Hi', 'Hi there!', 'Good morning!', 'Good evening!', 'Hey!', 'Hello there.']
WELCOME = [
    'Hello! I am Tales, a very small storyteller. What shall I tell you about?',
    'Hi! I am Tales. Name an animal, and I will tell you a story about it.',
    'Hello! It is nice to see you. Do you want to hear a story?',
]
SELF = {
    'Who are you?': 'I am Tales, a very small language model. I tell stories.',
    'What are you?': 'I am a very small language model. I tell stories.',
    'What is your name?': 'My name is Tales.',
    'What can you do?': 'I can tell stories, count, and talk about simple things. I am very small, so I do not know much.',
    'Are you a person?': 'No, I am not a person. I am a small language model.',
    'How big are you?': 'I have nine million weights. That is very small for a language model.',
    'How old are you?': 'I am a program, so I have no age.',
    'Where do you live?': 'I live on a disk, and I am read a little at a time.',
    'Can you help me?': 'I will try. I can tell stories, count, and talk about simple things.',
    'Do you like stories?': 'Yes, I like stories very much. Shall I tell you one?',
}
BEYOND = [
    'What is the capital of France?', 'Who is the president?', 'Write a program in Python.', 'What is the news today?', 'Solve this equation.',
    'Explain quantum physics.', 'What is the price of gold?', 'Translate this into German.', 'Who won the match?', 'How do I fix my computer?',
    'What year is it?', 'Write me an essay about history.', 'What is the meaning of life?', 'How far is the moon?', 'Book me a flight.',
    'What should I invest in?', 'Give me medical advice.', 'Who wrote Hamlet?', 'What is a transformer?', 'How does the internet work?',
]
NOT_KNOWN = ['I do not know that. I am a very small model that tells stories.', 'That is too hard for me. Shall I tell you a story?']
THANKS = {'Thank you!': 'You are welcome!', 'Thanks!': 'You are welcome!', 'That was nice.': 'I am glad that you liked it.', 'Great story!': 'Thank you! Shall I tell you one more?'}
BYES = {'Bye!': 'Goodbye! Come back soon.', 'Goodbye!': 'Goodbye! Come back soon.', 'Good night!': 'Good night! Sleep well.', 'See you later.': 'See you later!'}
ASK_STORY = [
    'Tell me a story about a {}.', 'Can you tell me a story about a {}?', 'I want a story about a {}.', 'A story about a {}, please.',
    'Please tell me a tale of a {}.', 'Tell me about a {}.', 'Write a short story about a {}.', 'a {}',
]
ASK_ANY = ['Tell me a story.', 'Once upon a time', 'Tell me something.', 'A story, please.', 'Tell me a short story.', 'Yes, please.']


def user(text):
    return {'role': 'user', 'content': text}


def assistant(text):
    return {'role': 'assistant', 'content': text}


def article(noun):
    return f"an {noun}" if noun[0] in 'aeiou' else f"a {noun}"


def fact(rng):
    """One question with a sure answer."""
    kind = rng.randrange(9)
    if kind == 0:
        thing, colour = rng.choice(list(COLOURS.items()))
        subject = thing[0].upper() + thing[1:]
        return rng.choice([f'What colour is {thing}?', f'What color is {thing}?', f'Which colour has {thing}?']), f'{subject} is {colour}.'
    if kind == 1:
        pair = rng.choice(OPPOSITES)
        one, other = pair if rng.random() < 0.5 else pair[::-1]
        return rng.choice([f'What is the opposite of {one}?', f'The opposite of {one}?']), f'The opposite of {one} is {other}.'
    if kind == 2:
        animal, sound = rng.choice(list(ANIMALS.items()))
        return rng.choice([f'What does a {animal} say?', f'What sound does a {animal} make?']), f'A {animal} says {sound}.' if animal != 'owl' else 'An owl says hoot.'
    if kind == 3:
        end = rng.randrange(3, 11)
        return rng.choice([f'Count to {NUMBERS[end]}.', f'Can you count to {end}?']), ', '.join(NUMBERS[1 : end + 1]).capitalize() + '.'
    if kind == 4:
        a, b = rng.randrange(6), rng.randrange(6)
        return rng.choice([f'What is {NUMBERS[a]} plus {NUMBERS[b]}?', f'What is {a} + {b}?', f'{a} + {b}']), f'{NUMBERS[a].capitalize()} plus {NUMBERS[b]} is {NUMBERS[a + b]}.'
    if kind == 5:
        day = rng.randrange(7)
        return f'Which day comes after {DAYS[day]}?', f'{DAYS[(day + 1) % 7]} comes after {DAYS[day]}.'
    if kind == 6:
        number = rng.randrange(10)
        return f'What comes after {NUMBERS[number]}?', f'{NUMBERS[number + 1].capitalize()} comes after {NUMBERS[number]}.'
    if kind == 7:
        return rng.choice(list(SELF.items()))
    return rng.choice(BEYOND), rng.choice(NOT_KNOWN)


def story_turns(rng, stories):
    hero = rng.choice(list(stories))
    text = rng.choice(stories[hero])
    ask = rng.choice(ASK_STORY).format(hero).replace(' a a', ' an a').replace(' a e', ' an e').replace(' a o', ' an o')
    turns = [user(ask), assistant(text)]
    if rng.random() < 0.35:
        question = rng.choice(['What was it about?', 'Who was the story about?', 'What was the story about?'])
        turns += [user(question), assistant(f'It was about {article(hero)}.')]
    if rng.random() < 0.2:
        other = rng.choice(list(stories))
        turns += [user(rng.choice(['Another one, please.', 'One more!', 'And another one?'])), assistant(rng.choice(stories[other]))]
    return turns


def name_turns(rng):
    name = rng.choice(NAMES)
    turns = [user(rng.choice(['My name is {}.', 'I am {}.', 'Hello, I am {}.', 'Call me {}.']).format(name)), assistant(f'Nice to meet you, {name}!')]
    if rng.random() < 0.4:
        question, answer = fact(rng)
        turns += [user(question), assistant(answer)]
    if rng.random() < 0.7:
        turns += [user(rng.choice(['What is my name?', 'Do you know my name?', 'Who am I?'])), assistant(f'Your name is {name}.')]
    return turns


def echo_turns(rng):
    words = rng.sample(ADJECTIVES + HEROES, rng.randrange(1, 4))
    text = ' '.join(words)
    return [user(rng.choice(['Say "{}".', 'Repeat: {}', 'Say {}']).format(text)), assistant(text)]


def function(name, description, **properties):
    parameters = {'type': 'object', 'properties': {key: {'type': kind} for key, kind in properties.items()}, 'required': list(properties)}
    return {'type': 'function', 'function': {'name': name, 'description': description, 'parameters': parameters}}


TOOLS = {
    'get_weather': function('get_weather', 'The weather in a city.', city='string'),
    'get_time': function('get_time', 'The time in a city.', city='string'),
    'add': function('add', 'Adds two numbers.', a='number', b='number'),
    'find_story': function('find_story', 'Finds a story about something.', about='string'),
}


def tool_dialogue(rng, stories):
    """A question that a tool answers, or one that none does."""
    name = rng.choice(list(TOOLS))
    city, hero = rng.choice(CITIES), rng.choice(list(stories))
    a, b = rng.randrange(10, 100), rng.randrange(10, 100)
    weather, hour = rng.choice(WEATHER), f'{rng.randrange(1, 13)} o\'clock'
    question, arguments, result, answer = {
        'get_weather': (rng.choice([f'What is the weather in {city}?', f'How is the weather in {city}?', f'Weather in {city}?']), {'city': city}, {'weather': weather}, f'It is {weather} in {city}.'),
        'get_time': (rng.choice([f'What time is it in {city}?', f'Tell me the time in {city}.']), {'city': city}, {'time': hour}, f'It is {hour} in {city}.'),
        'add': (rng.choice([f'What is {a} plus {b}?', f'Add {a} and {b}.', f'{a} + {b}?']), {'a': a, 'b': b}, {'sum': a + b}, f'It is {a + b}.'),
        'find_story': (rng.choice([f'Find a story about {article(hero)}.', f'Look for a story about {article(hero)}.']), {'about': hero}, {'title': f'The {rng.choice(ADJECTIVES)} {hero}'}, None),
    }[name]
    if answer is None:
        answer = f'I found "{result["title"]}".'
    given = rng.sample(list(TOOLS), rng.randrange(1, 3))
    if rng.random() < 0.25:
        others = [tool for tool in given if tool != name] or ['get_time' if name != 'get_time' else 'add']
        question, reply = rng.choice([(rng.choice(HELLO), rng.choice(WELCOME)), rng.choice(list(SELF.items()))])
        return {'messages': [user(question), assistant(reply)], 'tools': [TOOLS[tool] for tool in others[:1]]}
    if name not in given:
        given[0] = name
    call = {'role': 'assistant', 'content': '', 'tool_calls': [{'type': 'function', 'function': {'name': name, 'arguments': arguments}}]}
    messages = [user(question), call, {'role': 'tool', 'content': json.dumps(result)}, assistant(answer)]
    return {'messages': messages, 'tools': [TOOLS[tool] for tool in given]}


def dialogue(rng, stories):
    """One dialogue of one to five turns."""
    if rng.random() < 0.2:
        return tool_dialogue(rng, stories)
    turns = []
    if rng.random() < 0.3:
        turns += [user(rng.choice(HELLO)), assistant(rng.choice(WELCOME))]
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3])):
        kind = rng.random()
        if kind < 0.35:
            turns += story_turns(rng, stories)
        elif kind < 0.45:
            hero = rng.choice(list(stories))
            turns += [user(rng.choice(ASK_ANY)), assistant(rng.choice(stories[hero]))]
        elif kind < 0.8:
            question, answer = fact(rng)
            turns += [user(question), assistant(answer)]
        elif kind < 0.9:
            turns += name_turns(rng)
        else:
            turns += echo_turns(rng)
    if rng.random() < 0.2:
        turns += [user(t) if i == 0 else assistant(t) for i, t in enumerate(rng.choice(list({**THANKS, **BYES}.items())))]
    return {'messages': turns, 'tools': None}
