// Sends four records and shows what became of each: produce HOST:PORT TOPIC
#include <iostream>

#include "ottla.hpp"

int main(int argc, char **argv) try {
    if (argc != 3) return std::cerr << "usage: produce HOST:PORT TOPIC\n", 2;
    const std::string_view topic = argv[2];
    bool failed = false;
    ottla::Config config{{"bootstrap.servers", argv[1]}};
    config.on_report([&](const ottla::Report &report) {
        std::cout << "record " << report.opaque() << " is " << report.topic() << '-'
                  << report.partition() << '@' << report.offset();
        if (!report) std::cout << ", failed: " << report.name() << ": " << report.reason();
        std::cout << '\n';
        failed |= !report;
    });
    ottla::Producer producer(config);

    // A key or value of nullptr is null, which differs from empty.
    ottla::Record letter{topic, "ottla", "a letter", {{"from", "Franz"}, {"note", nullptr}}};
    letter.timestamp_ms = 1709251200000;
    producer.send(letter);

    ottla::Record postcard{topic, nullptr, "a postcard without a key"};
    postcard.opaque = 1;
    producer.send(postcard);

    ottla::Record nothing{topic, "ottla", nullptr, {{"empty", ""}}};
    nothing.timestamp_ms = 1709251200001, nothing.opaque = 2;
    producer.send(nothing);

    ottla::Record empty{topic, "", ""};
    empty.opaque = 3;
    producer.send(empty, [](const ottla::Report &report) { // Beside config's, for this record.
        if (report) std::cout << "the last one has arrived\n";
    });

    producer.close(std::chrono::seconds(30)); // Sends, and calls the functions.
    return failed;
} catch (const ottla::Error &error) {
    std::cerr << error.what() << (error.retriable() ? ": try again\n" : "\n");
    return 1;
}
