using System.Text.Json.Nodes;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Admission;

/// <summary>What a kind adds to the generic write path.</summary>
internal interface IAdmission
{
    /// <summary>
    /// Completes a draft that may yet be refused or be a dry run: nothing may be claimed for it. <paramref name="current"/> is null on creation.
    /// </summary>
    void Complete(JsonObject draft, JsonObject? current);

    /// <summary>Names what is wrong with a complete draft.</summary>
    IEnumerable<(string Field, string Message)> Validate(JsonObject draft, JsonObject? current) => [];

    /// <summary>
    /// Runs after a state was stored and before any other write, as all of an admission does; <paramref name="stored"/> is null when the
    /// object is gone.
    /// </summary>
    void Committed(JsonObject? stored, JsonObject? previous)
    {
    }
}

/// <summary>Finds the admission of a kind.</summary>
internal sealed class AdmissionTable(IReadOnlyDictionary<ResourceId, IAdmission> byKind)
{
    private static readonly IAdmission Nothing = new AcceptAsIs();

    public IAdmission For(ResourceId id) => byKind.GetValueOrDefault(id, Nothing);

    private sealed class AcceptAsIs : IAdmission
    {
        public void Complete(JsonObject draft, JsonObject? current)
        {
        }
    }
}
