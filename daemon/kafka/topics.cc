#include "daemon/kafka/topics.h"

namespace vtq::kafka {

std::string TopicNames::of(Topic topic) const { return prefix_ + std::string(topic_name(topic).substr(std::string_view("vtq.").size())); }

}  // namespace vtq::kafka
