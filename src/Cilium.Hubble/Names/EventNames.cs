using System.Globalization;

namespace Cilium.Hubble.Names;

/// <summary>The words for kinds of events, observation points, policy matches and program files.</summary>
public static class EventNames
{
    /// <summary>Number of the drop event.</summary>
    public const int Drop = 1;

    /// <summary>Number of the debug event.</summary>
    public const int Debug = 2;

    /// <summary>Number of the debug capture event.</summary>
    public const int Capture = 3;

    /// <summary>Number of the trace event.</summary>
    public const int Trace = 4;

    /// <summary>Number of the policy verdict event.</summary>
    public const int PolicyVerdict = 5;

    /// <summary>Number of the socket translation event.</summary>
    public const int TraceSock = 7;

    /// <summary>Number of the layer 7 record.</summary>
    public const int L7 = 129;

    /// <summary>Number of the agent's own notifications.</summary>
    public const int Agent = 130;

    private static readonly string[] TracePoints =
    [
        "to-endpoint", "to-proxy", "to-host", "to-stack", "to-overlay", "from-endpoint", "from-proxy", "from-host", "from-stack",
        "from-overlay", "from-network", "to-network", "from-crypto", "to-crypto",
    ];

    private static readonly string[] TraceReasons =
        ["new", "established", "reply", "related", "reopened", "unknown", "srv6-encap", "srv6-decap", "encrypt-overlay"];

    private static readonly string[] MatchTypes = ["none", "L3-Only", "L3-L4", "L4-Only", "all", "L3-Proto", "Proto-Only"];

    private static readonly string[] SockPoints = ["", "pre-xlate-fwd", "post-xlate-fwd", "pre-xlate-rev", "post-xlate-rev"];

    private static readonly Dictionary<string, int> Types = new(StringComparer.Ordinal)
    {
        ["drop"] = Drop,
        ["debug"] = Debug,
        ["capture"] = Capture,
        ["trace"] = Trace,
        ["policy-verdict"] = PolicyVerdict,
        ["trace-sock"] = TraceSock,
        ["l7"] = L7,
        ["agent"] = Agent,
    };

    private static readonly Dictionary<byte, string> Files = new()
    {
        [1] = "bpf_host.c",
        [2] = "bpf_lxc.c",
        [3] = "bpf_overlay.c",
        [4] = "bpf_xdp.c",
        [5] = "bpf_sock.c",
        [6] = "bpf_network.c",
        [7] = "bpf_wireguard.c",
        [101] = "arp.h",
        [102] = "drop.h",
        [103] = "srv6.h",
        [104] = "icmp6.h",
        [105] = "nodeport.h",
        [106] = "lb.h",
        [107] = "mcast.h",
        [108] = "ipv4.h",
        [109] = "conntrack.h",
        [110] = "l3.h",
        [111] = "trace.h",
        [112] = "encap.h",
        [113] = "encrypt.h",
        [114] = "host_firewall.h",
    };

    /// <summary>The names that <c>--type</c> accepts.</summary>
    public static IReadOnlyCollection<string> TypeNames => Types.Keys;

    /// <summary>The names of the observation points, by their number.</summary>
    public static IReadOnlyList<string> TracePointNames => TracePoints;

    /// <summary>Finds the number of a kind of event.</summary>
    public static bool TryParseType(string name, out int type) => Types.TryGetValue(name, out type);

    /// <summary>Finds the number of an observation point.</summary>
    public static bool TryParseTracePoint(string name, out int point)
    {
        point = Array.IndexOf(TracePoints, name);
        return point >= 0;
    }

    /// <summary>The name of an observation point.</summary>
    public static string TracePoint(int point) => At(TracePoints, point);

    /// <summary>The name of a trace reason; the encryption bit is ignored.</summary>
    public static string TraceReason(int reason) => At(TraceReasons, reason & 0x7f);

    /// <summary>The name of a policy match.</summary>
    public static string MatchType(int matchType) => At(MatchTypes, matchType);

    /// <summary>The name of a socket translation point, 1 to 4.</summary>
    public static string SockPoint(int point) => At(SockPoints, point);

    /// <summary>The name of a program file by its id.</summary>
    public static string File(byte file) =>
        Files.TryGetValue(file, out var name) ? name : string.Create(CultureInfo.InvariantCulture, $"unknown({file})");

    private static string At(string[] names, int index) =>
        index >= 0 && index < names.Length ? names[index] : index.ToString(CultureInfo.InvariantCulture);
}
