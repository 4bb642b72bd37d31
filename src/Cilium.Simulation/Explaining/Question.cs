using Cilium.Core;
using Cilium.Kubernetes;

namespace Cilium.Simulation.Explaining;

/// <summary>May a pod speak to somebody?</summary>
/// <param name="From">The pod.</param>
/// <param name="To">Whom, in the words of the one who asks.</param>
/// <param name="Port">The destination port; 0 for ICMP.</param>
/// <param name="Protocol">TCP, UDP, SCTP or ICMP; the address tells which ICMP.</param>
public sealed record Question(NamespacedName From, string To, ushort Port, L4Protocol Protocol)
{
    /// <summary>Reads <c>namespace/name</c>, or a name of the namespace <c>default</c>.</summary>
    /// <exception cref="QuestionException">The text is neither.</exception>
    public static NamespacedName NameOf(string text) => Destination.NameOf(text, "default");

    /// <exception cref="QuestionException">A port is missing, or there is one where none can be.</exception>
    internal void CheckPort()
    {
        if (Port == 0 != Protocol is L4Protocol.Icmp or L4Protocol.IcmpV6)
            throw new QuestionException(Port == 0 ? $"{Protocol} needs a port" : "ICMP has no port");
    }

    /// <summary>The walk before its first step.</summary>
    internal Walk Asked(string from) => new()
    {
        From = from,
        To = To,
        Port = Port,
        Protocol = Protocol.ToString().ToLowerInvariant(),
        Outcome = Outcome.Delivered,
        Where = "",
        Steps = [],
        Decisions = [],
    };

    /// <inheritdoc/>
    public override string ToString() => Port == 0
        ? $"{From} -> {To} {Protocol.ToString().ToLowerInvariant()}"
        : $"{From} -> {To} {Protocol.ToString().ToLowerInvariant()}/{Port}";
}

/// <summary>A question that cannot be asked: a name that nothing has, or a protocol that does not fit.</summary>
public sealed class QuestionException(string message) : Exception(message);
