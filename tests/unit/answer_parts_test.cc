// Parts of answers from several instances: they add up to what one instance would have said, and what is missing or twice is noticed.
#include "daemon/reads/answer_parts.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "daemon/http/http_message.h"

namespace vtq {
namespace {

bool ascending(const std::string& a, const std::string& b) { return a < b; }

PagePart page(std::size_t limit, const std::vector<std::string>& keys) {
  PagePart made{.items = {}, .limit = limit, .before = ascending};
  for (const std::string& key : keys) made.items.push_back({key, "{\"is\":\"" + key + "\"}"});
  return made;
}

std::vector<std::string> keys(const PagePart& page) {
  std::vector<std::string> found;
  for (const PagePart::Item& item : page.items) found.push_back(item.key);
  return found;
}

template <class Part>
Part sent(const Part& part) {
  auto received = Part::decode(part.encode());
  EXPECT_TRUE(received.has_value());
  return received.value_or(Part{});
}

Cell cell(v1::Stage stage, v1::Reason reason, bool late) {
  return {.stage = stage, .need = v1::NOT_NEEDED, .band = v1::SETTLED, .reason = reason, .late = late};
}

/// Whatever a text holds, JSON reads back what was said.
TEST(JsonText, is_read_back_as_it_was) {
  std::vector<std::string> texts = {"", "plain, 1 ~", "caf\xc3\xa9", "\"", "\\", "a\"b\\c\n"};
  for (int letter = 0; letter < 0x80; ++letter) texts.push_back({'a', static_cast<char>(letter), 'b'});
  for (const std::string& text : texts) {
    auto read = nlohmann::json::parse(json_string(text), nullptr, false);
    ASSERT_TRUE(read.is_string()) << text;
    EXPECT_EQ(read.get<std::string>(), text);
  }
  // What is no UTF-8 is replaced, and stays JSON.
  EXPECT_TRUE(nlohmann::json::parse(json_string("\xff"), nullptr, false).is_string());
}

TEST(Parts, all_partitions_must_be_there_and_each_once) {
  EXPECT_TRUE(each_once({{0, 2}, {1}, {}}, 3));
  EXPECT_TRUE(each_once({{0, 1, 2}}, 3));
  EXPECT_FALSE(each_once({{0, 2}}, 3));
  EXPECT_FALSE(each_once({{0, 1}, {1, 2}}, 3));
  EXPECT_FALSE(each_once({{0, 1, 2}, {3}}, 3));
  EXPECT_FALSE(each_once({}, 1));
}

TEST(Parts, partitions_are_named_in_a_header) {
  EXPECT_EQ(partitions_text({0, 3, 15}), "0,3,15");
  EXPECT_EQ(parse_partitions("0,3,15"), (std::vector<std::uint32_t>{0, 3, 15}));
  EXPECT_EQ(parse_partitions(""), std::vector<std::uint32_t>{});
  for (const char* wrong : {"a", ",1", "1,,2", "-1", "1 2", "99999999999"}) EXPECT_FALSE(parse_partitions(wrong)) << wrong;
}

TEST(Parts, pages_merge_in_order_and_are_cut_to_the_limit) {
  PagePart mine = page(3, {"b", "d", "f"});
  mine.add(sent(page(3, {"a", "c"})));
  mine.add(sent(page(3, {})));
  EXPECT_EQ(keys(mine), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(mine.items[2].text, "{\"is\":\"c\"}");
  EXPECT_EQ(mine.next(), "c");
}

TEST(Parts, a_page_that_is_not_full_is_the_last) {
  PagePart mine = page(4, {"b"});
  mine.add(page(4, {"a", "c"}));
  EXPECT_EQ(mine.next(), "");
}

TEST(Parts, any_division_of_a_list_gives_the_pages_of_the_whole) {
  std::vector<std::string> list = {"a", "b", "c", "d", "e"};
  for (unsigned division = 0; division < 243; ++division) {
    std::vector<PagePart> parts(3, page(3, {}));
    for (unsigned at = 0, rest = division; at < list.size(); ++at, rest /= 3)
      if (parts[rest % 3].items.size() < 3) parts[rest % 3].items.push_back({list[at], list[at]});
    for (int other : {1, 2}) parts[0].add(std::move(parts[static_cast<std::size_t>(other)]));
    EXPECT_EQ(keys(parts[0]), (std::vector<std::string>{"a", "b", "c"})) << division;
  }
}

RollupKey key_of(CentreId centre, const Cell& cell) { return {centre, cell}; }

std::string shown(const RollupRows& rows, const std::vector<std::string_view>& by) {
  std::vector<const Dimension*> dimensions;
  for (std::string_view name : by)
    for (const Dimension& one : rollup_dimensions())
      if (one.name == name) dimensions.push_back(&one);
  return rollup_json(rows, dimensions);
}

TEST(Parts, rollups_add_up_by_their_values) {
  Cell ready = {.qualification = *parse_qualification("60171600"),
                .awarding_organisation = *parse_awarding_organisation("RN5217"),
                .series = *parse_series("2023-08"),
                .level = v1::LEVEL_3,
                .stage = v1::READY,
                .need = v1::PROGRESSION_CRITICAL,
                .band = v1::AT_RISK,
                .reason = v1::L1,
                .late = true};
  Cell issued = ready;
  issued.stage = v1::ISSUED;
  RollupPart mine, other;
  mine.rows = {{key_of(CentreId{30101}, ready), 4}, {key_of(CentreId{30101}, issued), 1}};
  other.rows = {{key_of(CentreId{30101}, ready), 2}, {key_of(CentreId{30102}, ready), 5}};
  mine.add(sent(other));
  EXPECT_EQ(mine.rows, (RollupRows{{key_of(CentreId{30101}, ready), 6}, {key_of(CentreId{30101}, issued), 1}, {key_of(CentreId{30102}, ready), 5}}));
}

TEST(Rollups, rows_stand_in_the_order_of_their_texts) {
  // By number REGISTERED is the first, and no reason comes before L1.
  RollupRows rows;
  for (v1::Stage stage : {v1::READY, v1::ISSUED, v1::REGISTERED})
    for (v1::Reason reason : {v1::L1, v1::REASON_NONE}) rows[key_of({}, cell(stage, reason, false))] = stage;
  auto said = nlohmann::json::parse(shown(rows, {"stage", "reason"}));
  EXPECT_EQ(said["by"], nlohmann::json({"stage", "reason"}));
  ASSERT_EQ(said["rows"].size(), rows.size());
  std::vector<std::pair<std::string, std::string>> order;
  std::int64_t sum = 0;
  for (const auto& row : said["rows"]) {
    order.emplace_back(row["stage"], row["reason"]);
    v1::Stage stage{};
    ASSERT_TRUE(v1::Stage_Parse(row["stage"].get<std::string>(), &stage));
    EXPECT_EQ(row["entries"], stage);
    EXPECT_EQ(row.size(), 3u) << row;
    sum += row["entries"].get<std::int64_t>();
  }
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(said["entries"], sum);
  EXPECT_EQ(shown({}, {"late"}), "{\"by\":[\"late\"],\"rows\":[],\"entries\":0}\n");
}

TEST(Rollups, each_dimension_is_put_into_a_key_as_it_is_read_from_one) {
  for (const Dimension& one : rollup_dimensions()) {
    RollupKey key;
    one.put(key, 1);
    for (const Dimension& other : rollup_dimensions()) EXPECT_EQ(other.value(key), &other == &one) << one.name << " in " << other.name;
  }
}

TEST(Parts, counts_add_up_to_what_one_instance_counts) {
  CountsPart mine, other, whole;
  mine.counts.add(cell(v1::READY, v1::REASON_NONE, false), 3);
  other.counts.add(cell(v1::READY, v1::REASON_NONE, false), 2);
  other.counts.add(cell(v1::ISSUED, v1::L1, true), 1);
  whole.counts.add(cell(v1::READY, v1::REASON_NONE, false), 5);
  whole.counts.add(cell(v1::ISSUED, v1::L1, true), 1);
  mine.add(sent(other));
  EXPECT_EQ(mine.counts.json(), whole.counts.json());
}

TEST(Parts, an_overview_adds_up_everything_that_instances_count) {
  AwardingOrganisationId id{5901};
  OverviewPart mine, other;
  for (auto [part, by] : {std::pair{&mine, 1}, {&other, 10}}) {
    auto count = static_cast<std::uint32_t>(by);
    part->centres = part->batches = part->rejected = part->waiting = part->withheld = count;
    part->organisations[id] = {.name = "Northgate", .entries = by, .watch = 2 * by, .at_risk = 3 * by, .late = 4 * by, .issued = 5 * by};
    part->counts.add(cell(v1::READY, v1::REASON_NONE, false), by);
  }
  mine.add(sent(other));
  EXPECT_EQ((std::vector<std::uint64_t>{mine.centres, mine.batches, mine.rejected, mine.waiting, mine.withheld}), std::vector<std::uint64_t>(5, 11));
  const auto& all = mine.organisations[id];
  EXPECT_EQ((std::vector<std::int64_t>{all.entries, all.watch, all.at_risk, all.late, all.issued}), (std::vector<std::int64_t>{11, 22, 33, 44, 55}));
  Counts whole;
  whole.add(cell(v1::READY, v1::REASON_NONE, false), 11);
  EXPECT_EQ(mine.counts.json(), whole.json());
}

TEST(Parts, an_overview_is_as_of_the_latest_time_with_each_deadline_to_come_once) {
  AwardingOrganisationId id{5901};
  OverviewPart mine, other;
  mine.time_ms = 1000;
  mine.centres = 2;
  mine.organisations[id] = {.name = "Northgate", .entries = 5, .watch = 1, .at_risk = 0, .late = 0, .issued = 2};
  mine.deadlines = {{1500, "RN5901", v1::LEVEL_3, "claim", "2024-08"}, {3000, "RN5901", v1::LEVEL_3, "issue", "2024-08"}};
  other = mine;
  other.time_ms = 2000;
  other.rejected = 7;
  other.deadlines.push_back({2500, "RN5902", v1::LEVEL_2, "claim", "2024-08"});
  mine.add(sent(other));
  EXPECT_EQ((std::vector<std::uint64_t>{mine.centres, mine.rejected}), (std::vector<std::uint64_t>{4, 7}));
  EXPECT_EQ(mine.organisations[id].name, "Northgate");
  EXPECT_EQ(mine.organisations[id].entries, 10);
  EXPECT_EQ(mine.organisations[id].issued, 4);
  std::vector<OverviewPart::Deadline> next = {{2500, "RN5902", v1::LEVEL_2, "claim", "2024-08"}, {3000, "RN5901", v1::LEVEL_3, "issue", "2024-08"}};
  EXPECT_EQ(mine.next_deadlines(20), next);
  EXPECT_EQ(mine.next_deadlines(1).size(), 1u);
}

TEST(Parts, what_is_no_part_is_told_apart) {
  EXPECT_FALSE(PagePart::decode("no tab\n"));
  EXPECT_FALSE(PagePart::decode("key\tcut off"));
  EXPECT_FALSE(RollupPart::decode("{"));
  const std::string rollup = RollupPart{}.encode();
  EXPECT_TRUE(RollupPart::decode(rollup));
  auto with_rows = [&](const std::string& rows) { return std::string(rollup).replace(rollup.find("[]"), 2, rows); };
  EXPECT_TRUE(RollupPart::decode(with_rows("[[0,0,0,0,0,0,0,0,0,0,7]]")));
  for (const char* rows : {"null", "{}", "[[1,2]]", "[null]", "[[0,0,0,0,0,0,0,0,0,0,\"one\"]]", "[[0,0,0,0,0,0,0,0,0,-1,7]]",
                           "[[4294967296,0,0,0,0,0,0,0,0,0,7]]", "[[0,0,0,0,0,0,0,0,0,0,0,7]]", "[[0,0,0,0,0,0,0,0,0,0,0.5]]"})
    EXPECT_FALSE(RollupPart::decode(with_rows(rows))) << rows;
  EXPECT_FALSE(RollupPart::decode("null"));
  EXPECT_FALSE(RollupPart::decode("{}"));
  EXPECT_FALSE(RollupPart::decode(std::string(rollup).replace(rollup.find("level"), 5, "width"))) << "of a version with other dimensions";
  EXPECT_FALSE(CountsPart::decode("[1,2]"));
  EXPECT_FALSE(OverviewPart::decode("{\"time\":1}"));
}

}  // namespace
}  // namespace vtq
