//! What a key is read from, and what is said of everything else.

use aws_lc_rs::rsa::KeySize;

use super::super::{SigningAlgorithm, SigningKeyError};
use super::{der_of, pem, pkcs1, pkcs8, read};

#[test]
fn both_forms_of_pem_hold_the_same_key() {
    let eight = read(&pem("PRIVATE KEY", pkcs8())).unwrap();
    let one = read(&pem("RSA PRIVATE KEY", pkcs1())).unwrap();
    assert_eq!(eight.public_key_der(), one.public_key_der());
    // A certificate in the same file is passed over, as are remarks.
    let both = format!("remarks\n{}{}", pem("CERTIFICATE", b"x"), pem("PRIVATE KEY", pkcs8()));
    assert!(read(&both).is_ok());
}

#[test]
fn everything_else_is_told_apart() {
    let key = pem("PRIVATE KEY", pkcs8());
    let broken = key.replace("END PRIVATE KEY", "END");
    let ec = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let legacy = pem("RSA PRIVATE KEY", pkcs1()).replacen(
        '\n',
        "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n",
        1,
    );
    for (text, expected) in [
        (String::new(), SigningKeyError::NotPem),
        ("a secret that is no PEM".to_owned(), SigningKeyError::NotPem),
        (broken, SigningKeyError::NotPem),
        (pem("ENCRYPTED PRIVATE KEY", b"x"), SigningKeyError::Encrypted),
        (legacy, SigningKeyError::Encrypted),
        (pem("PUBLIC KEY", b"x"), SigningKeyError::PublicKey),
        (pem("CERTIFICATE", b"x"), SigningKeyError::Certificate),
        (format!("{key}{key}"), SigningKeyError::Several),
        (ec, SigningKeyError::NotRsa),
        (pem("EC PRIVATE KEY", b"x"), SigningKeyError::NotRsa),
        (pem("PRIVATE KEY", &pkcs8()[..600]), SigningKeyError::NotRsa),
        (pem("RSA PRIVATE KEY", pkcs8()), SigningKeyError::NotRsa),
        (pem("PRIVATE KEY", &der_of(KeySize::Rsa3072)), SigningKeyError::Size { bits: 3072 }),
    ] {
        let error = read(&text).map(|_| ()).unwrap_err();
        assert_eq!(error, expected, "{text}");
        assert!(!error.to_string().contains("secret"));
    }
}

#[test]
fn whose_key_it_is_can_be_printed_and_the_key_can_not() {
    let key = super::key().algorithm(SigningAlgorithm::Ps256);
    let printed = format!("{key:?}");
    assert!(printed.contains("CR0123456789") && printed.contains("Ps256"), "{printed}");
    let secret = pem("PRIVATE KEY", pkcs8());
    for line in secret.lines().filter(|line| line.len() == 64) {
        assert!(!printed.contains(line));
    }
}
