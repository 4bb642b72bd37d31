namespace Cilium.Policy;

/// <summary>A subject with the rules that select it and its present plan.</summary>
internal sealed class SubjectState(PolicySubject subject)
{
    public PolicySubject Subject { get; } = subject;

    public int Uses { get; set; }

    // By reference: two objects may hold rules that are equal.
    public HashSet<PolicyRule> Rules { get; } = new(ReferenceEqualityComparer.Instance);

    public PolicyPlan? Plan { get; set; }

    public PolicyAttribution? Attribution { get; set; }

    public bool IsSelectedBy(PolicyRule rule) => !rule.SelectsNodes && rule.Subject.Matches(Subject.Labels);
}
