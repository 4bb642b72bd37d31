using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cilium.Lab.Serving;

/// <summary>The cluster's certificate authority and the API server's certificate, made when the lab starts.</summary>
internal sealed class ClusterCertificates : IDisposable
{
    private readonly X509Certificate2 authority;

    public ClusterCertificates(IEnumerable<string> names, IEnumerable<IPAddress> addresses, TimeProvider clock)
    {
        var from = clock.GetUtcNow().AddHours(-1);
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=kubernetes", authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        authority = request.CreateSelfSigned(from, from.AddYears(10));

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var leaf = new CertificateRequest("CN=kube-apiserver", key, HashAlgorithmName.SHA256);
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var name in names) alternatives.AddDnsName(name);
        foreach (var address in addresses) alternatives.AddIpAddress(address);
        leaf.CertificateExtensions.Add(alternatives.Build());
        leaf.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        leaf.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        using var issued = leaf.Create(authority, from, from.AddYears(9), RandomNumberGenerator.GetBytes(12));
        using var withKey = issued.CopyWithPrivateKey(key);
        Server = X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null);
    }

    public X509Certificate2 Server { get; }

    /// <summary>The authority's certificate in PEM.</summary>
    public string AuthorityPem => authority.ExportCertificatePem() + "\n";

    public void Dispose()
    {
        authority.Dispose();
        Server.Dispose();
    }
}
