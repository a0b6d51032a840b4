#include "daemon/simulator/catalogue.h"

namespace vtq::simulator {

namespace {

struct InventedAwardingOrganisation {
  std::string_view number, name, prefix;
  double weight;
};

// Names and numbers are invented: what becomes of a season's entries is, too. prefix: how the public titles begin that it takes over.
constexpr InventedAwardingOrganisation kInvented[] = {
    {"RN9901", "Astley", "Pearson", 400},
    {"RN9902", "Burnhope Guilds", "City & Guilds", 130},
    {"RN9903", "Carrowmore", "NCFE", 120},
    {"RN9904", "Dunvale", "OCR", 140},
    {"RN9905", "Edgeworth", "VTCT", 40},
    {"RN9906", "Farlington", "AQA", 18},
    {"RN9907", "Greyfriars", "WJEC", 50},
    {"RN9908", "Holmbury", "EAL", 14},
    {"RN9909", "Ironbridge Skills", "NOCN", 10},
    {"RN9910", "Jessamine", "Highfield", 8},
    {"RN9911", "Kilnhurst", "Skillsfirst", 6},
    {"RN9912", "Lindfold", "IMI", 10},
    {"RN9913", "Marchwood Awards", "SFJ", 4},
    {"RN9914", "Netherby Qualifications", "Gateway", 6},
    {"RN9915", "Ockham", "ASDAN", 4},
    {"RN9916", "Pellworth", "Ascentis", 5},
    {"RN9917", "Quayside", "AIM", 5},
    {"RN9918", "Rowanlea Awards", "Open Awards", 4},
    {"RN9919", "Silverdale", "Laser", 4},
    {"RN9920", "Tarnside", "FAQ", 3},
    {"RN9921", "Ullesthorpe", "1st4sport", 10},
    {"RN9922", "Vantage Hill", "SQA", 2},
    {"RN9923", "Wherryman", "CCEA", 6},
    {"RN9924", "Yewtree", "ITEC", 5},
    {"RN9925", "Applegarth", "Signature", 3},
    {"RN9926", "Brackenhall", "IBSL", 1},
    {"RN9927", "Cobblestone Awards", "SEG Awards", 5},
    {"RN9928", "Drovers", "CACHE", 30},
    {"RN9929", "Elderslie", "WAMITAB", 2},
    {"RN9930", "Fenwick Moor", "BHEST", 1},
};

constexpr std::string_view kPlaces[] = {"Ashcombe",  "Birkholme",  "Calderby",  "Dunmoor",    "Eastmere",  "Fernhill",  "Glenbrook",
                                        "Harrowby",  "Inglewick",  "Kestrel",   "Langford",   "Millbeck",  "Northmoor", "Oakhurst",
                                        "Pennine",   "Quarryside", "Ravenhill", "Southfleet", "Thornbury", "Underwood", "Valebridge",
                                        "Westmarsh", "Yarrowdale", "Amberley",  "Broadwater", "Cranmoor",  "Elmstead"};
constexpr std::string_view kKinds[] = {"Hill", "Park", "Bridge", "Green", "Valley", "Heath", "Road", "Cross", "Wood"};
constexpr std::string_view kUnitForms[] = {"Principles of",      "Working in",       "Project in",   "Health and Safety in",
                                           "Technologies in",    "Customers and",    "Planning for", "Investigating",
                                           "Applied Science of", "Communication in", "Business of",  "Practical Skills in"};

}  // namespace

std::vector<AwardingOrganisation> invented_awarding_organisations() {
  std::vector<AwardingOrganisation> all;
  for (const auto& one : kInvented) all.push_back({std::string{one.number}, std::string{one.name}, one.weight, all.size() % 8 == 5});
  return all;
}

int awarding_organisation_of(std::string_view title, const std::vector<AwardingOrganisation>& among) {
  for (std::size_t i = 0; i < among.size(); ++i) {
    if (title.starts_with(kInvented[i].prefix)) return static_cast<int>(i);
  }
  return -1;
}

std::string title_taken_over(std::string_view title, std::size_t awarding_organisation) {
  const auto& by = kInvented[awarding_organisation];
  return std::string{by.name} + std::string{title.substr(by.prefix.size())};
}

const std::vector<std::string_view>& subjects() {
  static const std::vector<std::string_view> all = {"Engineering",
                                                    "Health and Social Care",
                                                    "Business",
                                                    "Information Technology",
                                                    "Sport",
                                                    "Applied Science",
                                                    "Art and Design",
                                                    "Creative Media Production",
                                                    "Travel and Tourism",
                                                    "Public Services",
                                                    "Performing Arts",
                                                    "Music",
                                                    "Construction",
                                                    "Animal Management",
                                                    "Agriculture",
                                                    "Hospitality",
                                                    "Professional Cookery",
                                                    "Hairdressing",
                                                    "Beauty Therapy",
                                                    "Motor Vehicle Maintenance",
                                                    "Plumbing",
                                                    "Electrical Installation",
                                                    "Bricklaying",
                                                    "Carpentry",
                                                    "Children's Play, Learning and Development",
                                                    "Early Years Practice",
                                                    "Criminology",
                                                    "Forensic Science",
                                                    "Computing",
                                                    "Cyber Security",
                                                    "Digital Media",
                                                    "Games Design",
                                                    "Photography",
                                                    "Fashion",
                                                    "Graphic Design",
                                                    "Accounting",
                                                    "Marketing",
                                                    "Retail",
                                                    "Enterprise",
                                                    "Financial Studies",
                                                    "Law",
                                                    "Logistics",
                                                    "Land Management",
                                                    "Horticulture",
                                                    "Equine Studies",
                                                    "Fitness Instruction",
                                                    "Outdoor Adventure",
                                                    "Dance",
                                                    "Acting",
                                                    "Production Arts",
                                                    "Events",
                                                    "Food Science",
                                                    "Medical Science",
                                                    "Nutrition",
                                                    "Welding",
                                                    "Manufacturing",
                                                    "Aeronautics",
                                                    "Built Environment",
                                                    "Sustainability",
                                                    "Teaching Support",
                                                    "Community Work",
                                                    "Child Development"};
  return all;
}

std::string unit_title(std::size_t number, std::string_view subject, Rng& rng) {
  return "Unit " + std::to_string(number) + ": " + std::string{rng.pick(kUnitForms)} + " " + std::string{subject};
}

std::string centre_name(std::string_view type, Rng& rng) {
  std::string name{rng.pick(kPlaces)};
  if (type == "Further education college") return name + " College";
  if (type == "Training provider") return name + " " + std::string{rng.pick(kKinds)} + " Training";
  name += " " + std::string{rng.pick(kKinds)};
  return name + (type == "Sixth form college" ? " Sixth Form College" : rng.chance(0.4) ? " Academy" : " School");
}

}  // namespace vtq::simulator
