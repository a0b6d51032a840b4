package vtq.peer;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A command line of {@code --name value} pairs; {@code --set} may be repeated. Unknown names are errors. */
final class Options {
  private final Map<String, String> values;
  final Map<String, String> settings = new TreeMap<>();

  Options(String[] arguments, Map<String, String> defaults) {
    values = new HashMap<>(defaults);
    List<String> given = List.of(arguments);
    for (int at = 0; at < given.size(); at += 2) {
      String name = given.get(at).replaceFirst("^--", "");
      if (at + 1 == given.size()) throw new IllegalArgumentException("--" + name + " needs a value");
      String value = given.get(at + 1);
      if (name.equals("set")) {
        String[] pair = value.split("=", 2);
        settings.put(pair[0], pair[1]);
      } else if (defaults.containsKey(name)) {
        values.put(name, value);
      } else {
        throw new IllegalArgumentException("--" + name + " is unknown; there are " + new TreeMap<>(defaults).keySet() + " and --set");
      }
    }
  }

  String text(String name) {
    return values.get(name);
  }

  int number(String name) {
    return Integer.parseInt(values.get(name));
  }

  boolean flag(String name) {
    return Boolean.parseBoolean(values.get(name));
  }
}
