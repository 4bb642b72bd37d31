using System.Text.Json;

namespace Cilium.Kubernetes.Decoding;

/// <summary>A value of another type than it must have, inside of what one <see cref="RowConverter{T}"/> reads.</summary>
/// <param name="wanted">What it must be.</param>
/// <param name="found">What it is.</param>
/// <remarks>The serializer knows the path to the converter's value (<see cref="JsonException.Path"/>); <see cref="Member"/> goes on from there.</remarks>
internal sealed class MemberException(string wanted, JsonTokenType found) : JsonException
{
    /// <summary>The way from the converter's value, such as <c>[0].port</c>; empty for that value itself.</summary>
    public string Member { get; private set; } = "";

    /// <inheritdoc/>
    public override string Message => $"{(Member.Length > 0 ? $"{Member}: " : "")}{wanted} is wanted, not a {found}";

    /// <summary>Says in which member, or element, it was.</summary>
    public void Under(string member) => Member = Member.Length == 0 || Member[0] == '[' ? member + Member : $"{member}.{Member}";
}
