namespace Cilium.Hubble.Printing;

/// <summary>Collects rows and prints them with aligned columns three spaces apart.</summary>
internal sealed class FlowTable(bool withNode)
{
    private readonly List<string[]> _rows = [];

    public void Add(string time, string node, string source, string destination, string type, string verdict, string summary)
    {
        if (_rows.Count == 0)
        {
            Append("TIMESTAMP", "NODE", "SOURCE", "DESTINATION", "TYPE", "VERDICT", "SUMMARY");
        }

        Append(time, node, source, destination, type, verdict, summary);
    }

    public void WriteTo(TextWriter writer) => TextTable.Write(writer, _rows, spacing: 3);

    private void Append(string time, string node, string source, string destination, string type, string verdict, string summary) =>
        _rows.Add(withNode ? [time, node, source, destination, type, verdict, summary] : [time, source, destination, type, verdict, summary]);
}
