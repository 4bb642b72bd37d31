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

    /// <inheritdoc/>
    public override string ToString() => Port == 0
        ? $"{From} -> {To} {Protocol.ToString().ToLowerInvariant()}"
        : $"{From} -> {To} {Protocol.ToString().ToLowerInvariant()}/{Port}";
}

/// <summary>A question that cannot be asked: a name that nothing has, or a protocol that does not fit.</summary>
public sealed class QuestionException(string message) : Exception(message);
