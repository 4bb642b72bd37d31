namespace Cilium.Lab.Nodes;

internal enum ImageKind : byte
{
    /// <summary>One of the lab's servers.</summary>
    Server,

    /// <summary>A shell with the machine's tools.</summary>
    Toolbox,

    /// <summary>The shipped agent.</summary>
    Agent,

    /// <summary>The shipped operator.</summary>
    Operator,
}

/// <summary>What an image's name stands for in a lab.</summary>
/// <param name="Kind">The kind of workload.</param>
/// <param name="Server">The server's name, for servers.</param>
/// <param name="Port">The port it listens on unless told otherwise, zero for none.</param>
internal sealed record WorkloadImage(ImageKind Kind, string Server = "", int Port = 0)
{
    private static readonly Dictionary<string, WorkloadImage> ByName = new()
    {
        ["nginx"] = new(ImageKind.Server, "nginx", 80),
        ["nginx-unprivileged"] = new(ImageKind.Server, "nginx", 8080),
        ["httpd"] = new(ImageKind.Server, "httpd", 80),
        ["echo-server"] = new(ImageKind.Server, "echo", 80),
        ["echoserver"] = new(ImageKind.Server, "echo", 8080),
        ["http-echo"] = new(ImageKind.Server, "http-echo", 5678),
        ["json-mock"] = new(ImageKind.Server, "echo", 8080),
        ["whoami"] = new(ImageKind.Server, "echo", 80),
        ["agnhost"] = new(ImageKind.Server, "agnhost", 8080),
        ["podinfo"] = new(ImageKind.Server, "podinfo", 9898),
        ["coredns"] = new(ImageKind.Server, "dns", 53),
        ["cilium"] = new(ImageKind.Agent),
        ["operator"] = new(ImageKind.Operator),
        ["operator-generic"] = new(ImageKind.Operator),
    };

    private static readonly HashSet<string> Toolboxes =
    [
        "netshoot", "curl", "alpine-curl", "busybox", "alpine", "debian", "ubuntu", "bash", "pause", "toolbox", "dnsutils", "jessie-dnsutils", "perl", "network-perf",
    ];

    /// <summary>The workload of an image reference, or null when the lab has none for it.</summary>
    public static WorkloadImage? Find(string reference)
    {
        var path = reference.Split('@')[0];
        var name = path[(path.LastIndexOf('/') + 1)..].Split(':')[0];
        if (ByName.TryGetValue(name, out var image)) return image;
        return Toolboxes.Contains(name) ? new WorkloadImage(ImageKind.Toolbox) : null;
    }
}
