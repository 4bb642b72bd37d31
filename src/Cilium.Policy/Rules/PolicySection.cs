using Cilium.Core;

namespace Cilium.Policy;

/// <summary>What a rule says of one direction.</summary>
/// <param name="Allow">Traffic that passes, unless a deny of any rule covers it.</param>
/// <param name="Deny">Traffic that is dropped.</param>
/// <param name="DefaultDeny">True when the subject's other traffic of this direction is dropped.</param>
public sealed record PolicySection(EquatableArray<PeerRule> Allow, EquatableArray<PeerRule> Deny, bool DefaultDeny)
{
    /// <summary>A section that is not there.</summary>
    public static PolicySection Absent { get; } = new(default, default, false);

    /// <summary>True when the section says something, be it only that the direction is enforced.</summary>
    public bool IsPresent => DefaultDeny || Allow.Count > 0 || Deny.Count > 0;

    /// <summary>Makes a section from the lists of a rule. Having any element turns default deny on, unless the rule says otherwise.</summary>
    /// <remarks>Without an element the rule does not touch the direction, whatever it says of default deny.</remarks>
    public static PolicySection Create(IEnumerable<PeerRule> allow, IEnumerable<PeerRule>? deny = null, bool? enableDefaultDeny = null)
    {
        var allowed = allow.ToEquatableArray();
        var denied = (deny ?? []).ToEquatableArray();
        return new PolicySection(allowed, denied, (allowed.Count > 0 || denied.Count > 0) && (enableDefaultDeny ?? true));
    }
}
