#include "daemon/simulator/catalogue.h"

namespace vtq::simulator {

namespace {

struct KnownAwardingOrganisation {
  std::string_view number, name, prefix;
  double weight;
};

// prefix: how the register's titles begin.
constexpr KnownAwardingOrganisation kKnown[] = {
    {"RN5133", "Pearson", "Pearson", 400},
    {"RN5217", "City & Guilds", "City & Guilds", 130},
    {"RN5156", "NCFE", "NCFE", 120},
    {"RN5186", "OCR", "OCR", 140},
    {"RN5139", "VTCT", "VTCT", 40},
    {"RN5196", "AQA", "AQA", 18},
    {"RN5182", "WJEC", "WJEC", 50},
    {"RN5131", "EAL", "EAL", 14},
    {"RN5167", "NOCN", "NOCN", 10},
    {"RN5219", "Highfield", "Highfield", 8},
    {"RN5149", "Skillsfirst", "Skillsfirst", 6},
    {"RN5160", "IMI", "IMI", 10},
    {"RN5121", "SFJ Awards", "SFJ", 4},
    {"RN5152", "Gateway Qualifications", "Gateway", 6},
    {"RN5113", "ASDAN", "ASDAN", 4},
    {"RN5128", "Ascentis", "Ascentis", 5},
    {"RN5116", "AIM Awards", "AIM", 5},
    {"RN5107", "Open Awards", "Open Awards", 4},
    {"RN5174", "Laser", "Laser", 4},
    {"RN5303", "FAQ", "FAQ", 3},
    {"RN5126", "1st4sport", "1st4sport", 10},
    {"RN5193", "SQA", "SQA", 2},
    {"RN5184", "CCEA", "CCEA", 6},
    {"RN5155", "ITEC", "ITEC", 5},
    {"RN5199", "Signature", "Signature", 3},
    {"RN5321", "IBSL", "IBSL", 1},
    {"RN5111", "SEG Awards", "SEG Awards", 5},
    {"RN5203", "CACHE", "CACHE", 30},
    {"RN5170", "WAMITAB", "WAMITAB", 2},
    {"RN5188", "BHEST", "BHEST", 1},
};

constexpr std::string_view kPlaces[] = {
    "Ashcombe",  "Birkholme",  "Calderby",  "Dunmoor",    "Eastmere",  "Fernhill",  "Glenbrook",
    "Harrowby",  "Inglewick",  "Kestrel",   "Langford",   "Millbeck",  "Northmoor", "Oakhurst",
    "Pennine",   "Quarryside", "Ravenhill", "Southfleet", "Thornbury", "Underwood", "Valebridge",
    "Westmarsh", "Yarrowdale", "Amberley",  "Broadwater", "Cranmoor",  "Elmstead"};
constexpr std::string_view kKinds[] = {"Hill", "Park", "Bridge", "Green", "Valley", "Heath", "Road", "Cross", "Wood"};
constexpr std::string_view kUnitForms[] = {"Principles of",        "Working in",      "Project in",
                                           "Health and Safety in", "Technologies in", "Customers and",
                                           "Planning for",         "Investigating",   "Applied Science of",
                                           "Communication in",     "Business of",     "Practical Skills in"};

}  // namespace

std::vector<AwardingOrganisation> known_awarding_organisations() {
  std::vector<AwardingOrganisation> known;
  for (const auto& one : kKnown)
    known.push_back({std::string{one.number}, std::string{one.name}, one.weight, known.size() % 8 == 5});
  return known;
}

int awarding_organisation_of(std::string_view title, const std::vector<AwardingOrganisation>& among) {
  for (std::size_t i = 0; i < among.size(); ++i) {
    if (title.starts_with(kKnown[i].prefix)) return static_cast<int>(i);
  }
  return -1;
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
