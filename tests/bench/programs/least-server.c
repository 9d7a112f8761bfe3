/* The least program that answers HTTP: what no program on this machine starts quicker than. */

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
    const char *port = getenv("PORT");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port ? atoi(port) : 0)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16)) {
        return 1;
    }
    for (;;) {
        char question[1024];
        int stream = accept(listener, NULL, NULL);
        if (read(stream, question, sizeof question) < 0 || write(stream, answer, sizeof answer - 1) < 0) {
            return 1;
        }
        close(stream);
    }
}
